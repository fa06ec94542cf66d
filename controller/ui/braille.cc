#include "controller/ui/braille.h"

#include <algorithm>
#include <array>

#include "controller/ui/utf8.h"

namespace fleetsync::ui {
namespace {

// By column and row of the dot within its cell.
constexpr std::array<std::array<uint8_t, 4>, 2> kDots = {
    {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}};

int RankOf(Style style) {
  switch (style) {
    case Style::kBad:
      return 3;
    case Style::kWarning:
      return 2;
    case Style::kGood:
      return 1;
    case Style::kDim:
    case Style::kBold:
    case Style::kReverse:
      break;
  }
  return 0;
}

}  // namespace

Braille::Braille(size_t columns, size_t rows)
    : columns_(columns), rows_(rows), cells_(columns * rows) {}

void Braille::Set(size_t x, size_t y, Style style) {
  if (x >= width() || y >= height()) return;
  Cell& cell = cells_[y / 4 * columns_ + x / 2];
  if (cell.dots == 0 || RankOf(style) > RankOf(cell.style)) cell.style = style;
  cell.dots = static_cast<uint8_t>(cell.dots | kDots[x % 2][y % 4]);
}

void Braille::Column(size_t x, size_t y1, size_t y2, Style style) {
  const auto [low, high] = std::minmax(y1, y2);
  for (size_t y = low; y <= high; ++y) Set(x, y, style);
}

std::string Braille::Line(size_t row, bool color) const {
  std::string line;
  for (size_t column = 0; column < columns_;) {
    const Style style = cells_[row * columns_ + column].style;
    std::string run;
    bool any = false;
    for (; column < columns_ && cells_[row * columns_ + column].style == style; ++column) {
      const uint8_t dots = cells_[row * columns_ + column].dots;
      any |= dots != 0;
      if (dots == 0) {
        run += ' ';
      } else {
        AppendUtf8(U'\u2800' + dots, run);
      }
    }
    line += any ? Styled(run, style, color) : run;
  }
  return line;
}

}  // namespace fleetsync::ui
