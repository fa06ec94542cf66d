#include <vector>

#include "controller/status/history_picture.h"
#include "controller/status/picture_layout.h"
#include "controller/ui/raster.h"

namespace fleetsync::status {
namespace {

using ui::Color;

constexpr Color kWhite{255, 255, 255}, kInk{0x22, 0x22, 0x22}, kQuiet{0x66, 0x66, 0x66},
    kGrid{0xe4, 0xe4, 0xe4}, kAxis{0x99, 0x99, 0x99}, kBlue{0x00, 0x72, 0xb2},
    kVermilion{0xd5, 0x5e, 0x00}, kOrange{0xe6, 0x9f, 0x00};
constexpr double kScale = 2;  // pixels a unit of the layout: sharp where it is printed
constexpr double kCapitals = 8, kTitleCapitals = 9.5;  // heights

Color Faint(Color color, double opacity) {
  color.opacity = opacity;
  return color;
}

// The layout's units in, pixels out.
class Picture {
 public:
  explicit Picture(const Layout& layout)
      : raster_(static_cast<size_t>(layout.width * kScale),
                static_cast<size_t>(layout.height * kScale), kWhite) {}

  void Line(const std::vector<Point>& points, double thickness, Color color) {
    raster_.Line(Scaled(points), thickness * kScale, color);
  }
  void Fill(const std::vector<Point>& polygon, Color color) {
    raster_.Fill(Scaled(polygon), color);
  }
  // `anchor`: 0 the text begins at `at`, 0.5 its middle is there, 1 its end.
  void Text(Point at, double anchor, std::string_view text, Color color,
            double capitals = kCapitals) {
    const double size = capitals * kScale;
    raster_.Text(text, at.x * kScale - anchor * ui::Raster::TextWidth(text, size), at.y * kScale,
                 size, color);
  }
  StatusOr<std::string> Png() const { return raster_.Png(); }

 private:
  static std::vector<ui::StrokePoint> Scaled(const std::vector<Point>& points) {
    std::vector<ui::StrokePoint> scaled;
    scaled.reserve(points.size());
    for (const Point& point : points) scaled.push_back({point.x * kScale, point.y * kScale});
    return scaled;
  }

  ui::Raster raster_;
};

void DrawAxes(const Panel& panel, Picture& picture) {
  const double drop = kCapitals / 2;
  for (const Label& label : panel.offsets) {
    picture.Line({{panel.left, label.at.y}, {panel.right, label.at.y}}, 1, kGrid);
    picture.Text({label.at.x, label.at.y + drop}, 1, label.text, kQuiet);
  }
  for (const Label& label : panel.times) {
    picture.Line({{label.at.x, panel.top}, {label.at.x, panel.bottom}}, 1, kGrid);
    picture.Text({label.at.x, label.at.y + drop}, 0.5, label.text, kQuiet);
  }
}

// Dashes of 6 with 4 between.
void DrawDashed(const Panel& panel, double y, Picture& picture) {
  for (double x = panel.left; x < panel.right; x += 10)
    picture.Line({{x, y}, {std::min(x + 6, panel.right), y}}, 1, kVermilion);
}

void DrawEvent(const EventMark& mark, Picture& picture) {
  const double x = mark.at.x, y = mark.at.y;
  if (IsStep(mark.kind)) {
    picture.Fill({{x - 5, y + 5}, {x, y - 5}, {x + 5, y + 5}}, kVermilion);
  } else {
    picture.Fill({{x - 4, y}, {x, y - 4}, {x + 4, y}, {x, y + 4}}, kOrange);
  }
}

void DrawPanel(const Panel& panel, Picture& picture) {
  picture.Text(panel.title_at, 0, panel.title, kInk, kTitleCapitals);
  picture.Text(panel.stats_at, 0, panel.stats, kQuiet, kCapitals * 0.85);
  DrawAxes(panel, picture);
  for (const auto& polygon : panel.envelopes) picture.Fill(polygon, Faint(kBlue, 0.12));
  for (const auto& polygon : panel.bands) picture.Fill(polygon, Faint(kBlue, 0.35));
  for (const auto& line : panel.means) picture.Line(line, 1.5, kBlue);
  for (const auto& y : {panel.tolerance_top, panel.tolerance_bottom})
    if (y) DrawDashed(panel, *y, picture);
  picture.Line({{panel.left, panel.top}, {panel.left, panel.bottom}, {panel.right, panel.bottom}},
               1, kAxis);
  for (const EventMark& mark : panel.events) DrawEvent(mark, picture);
  for (const Label& label : panel.percentiles)
    picture.Text({label.at.x, label.at.y + kCapitals / 2}, 0, label.text, kQuiet);
}

}  // namespace

StatusOr<std::string> HistoryPng(std::span<const Chart> charts) {
  const Layout layout = LayOut(charts);
  Picture picture(layout);
  for (const Panel& panel : layout.panels) DrawPanel(panel, picture);
  picture.Text(layout.footer_at, 0, layout.footer, kQuiet, kCapitals * 0.85);
  return picture.Png();
}

}  // namespace fleetsync::status
