#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "controller/ui/styled_text.h"

namespace fleetsync::ui {

// A picture of Braille characters, two dots wide and four high each. The style of a cell is that of
// the most important dot in it: the later in the order kDim, kGood, kWarning, kBad.
class Braille {
 public:
  Braille(size_t columns, size_t rows);

  size_t width() const { return columns_ * 2; }
  size_t height() const { return rows_ * 4; }

  // From the top left; outside is left out.
  void Set(size_t x, size_t y, Style style);
  void Column(size_t x, size_t y1, size_t y2, Style style);  // both ends too

  std::string Line(size_t row, bool color) const;

 private:
  struct Cell {
    uint8_t dots = 0;
    Style style = Style::kDim;
  };

  size_t columns_, rows_;
  std::vector<Cell> cells_;
};

}  // namespace fleetsync::ui
