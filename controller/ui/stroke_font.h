#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace fleetsync::ui {

// Letters as lines, for pictures on machines that have no fonts. A capital is six units high and
// stands on y = 0, y grows upwards; every character is as wide as any other.
struct StrokePoint {
  double x = 0, y = 0;
};
using Stroke = std::vector<StrokePoint>;

inline constexpr double kGlyphAdvance = 5;  // units from one character to the next
inline constexpr double kCapitalHeight = 6;

// Printable ASCII and ±; others are drawn as a box.
const std::vector<Stroke>& StrokesOf(char32_t character);

}  // namespace fleetsync::ui
