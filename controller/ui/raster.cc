#include "controller/ui/raster.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "controller/ui/utf8.h"

namespace fleetsync::ui {
namespace {

constexpr int kSubrows = 4;  // lines of a pixel that are looked at on their own

struct Crossing {
  double x;
  int direction;
};

// Where the polygon's edges cross the line at `y`, from left to right.
std::vector<Crossing> CrossingsAt(std::span<const StrokePoint> polygon, double y) {
  std::vector<Crossing> crossings;
  for (size_t i = 0; i < polygon.size(); ++i) {
    const StrokePoint& a = polygon[i];
    const StrokePoint& b = polygon[(i + 1) % polygon.size()];
    if ((a.y <= y) == (b.y <= y)) continue;
    crossings.push_back(
        {.x = a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x), .direction = a.y < b.y ? 1 : -1});
  }
  std::sort(crossings.begin(), crossings.end(),
            [](const Crossing& a, const Crossing& b) { return a.x < b.x; });
  return crossings;
}

// Adds to each pixel of a row how much of it lies between `from` and `to`.
void Cover(double from, double to, double amount, std::vector<double>& coverage) {
  from = std::max(from, 0.0);
  to = std::min(to, static_cast<double>(coverage.size()));
  for (auto x = static_cast<size_t>(from); static_cast<double>(x) < to; ++x) {
    const double left = std::max(from, static_cast<double>(x));
    const double right = std::min(to, static_cast<double>(x + 1));
    coverage[x] += (right - left) * amount;
  }
}

double DistanceTo(const StrokePoint& a, const StrokePoint& b, double x, double y) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  const double length = dx * dx + dy * dy;
  const double t =
      length == 0 ? 0 : std::clamp(((x - a.x) * dx + (y - a.y) * dy) / length, 0.0, 1.0);
  return std::hypot(x - a.x - t * dx, y - a.y - t * dy);
}

}  // namespace

Raster::Raster(size_t width, size_t height, Color background)
    : width_(width), height_(height), pixels_(width * height * 3) {
  for (size_t i = 0; i < pixels_.size(); i += 3) {
    pixels_[i] = background.red;
    pixels_[i + 1] = background.green;
    pixels_[i + 2] = background.blue;
  }
}

void Raster::Blend(size_t x, size_t y, Color color, double coverage) {
  const double share = std::clamp(coverage, 0.0, 1.0) * color.opacity;
  uint8_t* pixel = &pixels_[(y * width_ + x) * 3];
  const auto mix = [share](uint8_t below, uint8_t above) {
    return static_cast<uint8_t>(std::lround(below + share * (above - below)));
  };
  pixel[0] = mix(pixel[0], color.red);
  pixel[1] = mix(pixel[1], color.green);
  pixel[2] = mix(pixel[2], color.blue);
}

void Raster::Fill(std::span<const StrokePoint> polygon, Color color) {
  if (polygon.size() < 3) return;
  const auto by_y = [](const StrokePoint& a, const StrokePoint& b) { return a.y < b.y; };
  const auto [lowest, highest] = std::minmax_element(polygon.begin(), polygon.end(), by_y);
  const auto first = static_cast<size_t>(std::max(0.0, std::floor(lowest->y)));
  const size_t end =
      static_cast<size_t>(std::clamp(std::ceil(highest->y), 0.0, static_cast<double>(height_)));
  std::vector<double> coverage;
  for (size_t y = first; y < end; ++y) {
    coverage.assign(width_, 0);
    for (int sub = 0; sub < kSubrows; ++sub) {
      int winding = 0;
      const std::vector<Crossing> crossings =
          CrossingsAt(polygon, static_cast<double>(y) + (sub + 0.5) / kSubrows);
      for (size_t i = 0; i + 1 < crossings.size(); ++i) {
        winding += crossings[i].direction;
        if (winding != 0) Cover(crossings[i].x, crossings[i + 1].x, 1.0 / kSubrows, coverage);
      }
    }
    for (size_t x = 0; x < width_; ++x)
      if (coverage[x] > 0) Blend(x, y, color, coverage[x]);
  }
}

void Raster::Rectangle(double left, double top, double right, double bottom, Color color) {
  const StrokePoint corners[] = {{left, top}, {right, top}, {right, bottom}, {left, bottom}};
  Fill(corners, color);
}

void Raster::Line(std::span<const StrokePoint> points, double thickness, Color color) {
  if (points.empty()) return;
  const double reach = thickness / 2;
  const size_t segments = std::max<size_t>(1, points.size() - 1);
  // By segment, each pixel once: the nearest segment of those that touch it counts.
  std::vector<double> nearest(width_ * height_ > 0 ? width_ : 0);
  double top = points[0].y, bottom = points[0].y;
  for (const StrokePoint& point : points) {
    top = std::min(top, point.y);
    bottom = std::max(bottom, point.y);
  }
  const auto limit = [](double value, size_t end) {
    return static_cast<size_t>(std::clamp(value, 0.0, static_cast<double>(end)));
  };
  for (size_t y = limit(top - reach - 1, height_); y < limit(bottom + reach + 2, height_); ++y) {
    nearest.assign(width_, reach + 1);
    for (size_t i = 0; i < segments; ++i) {
      const StrokePoint& a = points[i];
      const StrokePoint& b = points[std::min(i + 1, points.size() - 1)];
      const double middle = static_cast<double>(y) + 0.5;
      if (std::min(a.y, b.y) - reach - 1 > middle || std::max(a.y, b.y) + reach + 1 < middle)
        continue;
      for (size_t x = limit(std::min(a.x, b.x) - reach - 1, width_);
           x < limit(std::max(a.x, b.x) + reach + 2, width_); ++x)
        nearest[x] = std::min(nearest[x], DistanceTo(a, b, static_cast<double>(x) + 0.5, middle));
    }
    for (size_t x = 0; x < width_; ++x)
      if (nearest[x] < reach + 0.5) Blend(x, y, color, reach + 0.5 - nearest[x]);
  }
}

void Raster::Text(std::string_view text, double x, double y, double size, Color color) {
  const double unit = size / kCapitalHeight;
  while (!text.empty()) {
    for (const Stroke& stroke : StrokesOf(TakeCharacter(text))) {
      Stroke placed;
      for (const StrokePoint& point : stroke)
        placed.push_back({x + point.x * unit, y - point.y * unit});
      Line(placed, std::max(1.0, unit * 0.8), color);
    }
    x += kGlyphAdvance * unit;
  }
}

double Raster::TextWidth(std::string_view text, double size) {
  return static_cast<double>(DisplayWidth(text)) * kGlyphAdvance * size / kCapitalHeight;
}

}  // namespace fleetsync::ui
