#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "controller/ui/stroke_font.h"

namespace fleetsync::ui {

struct Color {
  uint8_t red = 0, green = 0, blue = 0;
  double opacity = 1;
};

// A picture in memory, drawn with smooth edges. Pixels from the top left, y downwards. Pure.
class Raster {
 public:
  Raster(size_t width, size_t height, Color background);

  size_t width() const { return width_; }
  size_t height() const { return height_; }

  // The inside of a polygon, by the non-zero rule.
  void Fill(std::span<const StrokePoint> polygon, Color color);
  void Rectangle(double left, double top, double right, double bottom, Color color);
  // A line with round ends and joints.
  void Line(std::span<const StrokePoint> points, double thickness, Color color);
  // `x`, `y`: where the first character stands. `size`: height of a capital.
  void Text(std::string_view text, double x, double y, double size, Color color);
  static double TextWidth(std::string_view text, double size);

  // As a PNG file, 8 bits a channel. Internal when zlib fails.
  StatusOr<std::string> Png() const;

 private:
  void Blend(size_t x, size_t y, Color color, double coverage);

  size_t width_, height_;
  std::vector<uint8_t> pixels_;  // red, green, blue
};

}  // namespace fleetsync::ui
