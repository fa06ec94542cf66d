#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/ui/styled_text.h"

namespace fleetsync::ui {

// Columns as wide as their widest cell, two spaces between, nothing after the last. Cells may hold
// UTF-8 and Styled's codes. Without rows only the heading is given.
enum class Align : unsigned char { kLeft, kRight };
struct Column {
  std::string title;
  Align align = Align::kLeft;
  int importance = 0;  // where the width is limited the least important columns are left out first
  size_t at_least =
      0;  // columns of the terminal, so that pages that are redrawn stay where they are
};
std::string FormatTable(std::span<const Column> columns,
                        std::span<const std::vector<std::string>> rows);

// The same as lines, none wider than `width` (0: as wide as they are): columns are left out, the
// most important one and those as important never; what is still too wide is cut.
std::vector<std::string> TableLines(std::span<const Column> columns,
                                    std::span<const std::vector<std::string>> rows, size_t width);

}  // namespace fleetsync::ui
