#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fleetsync::ui {

// Columns as wide as their widest cell, two spaces between, nothing after the last. Cells may hold
// UTF-8 and the Style codes below. Without rows only the heading is given.
enum class Align : unsigned char { kLeft, kRight };
struct Column {
  std::string title;
  Align align = Align::kLeft;
};
std::string FormatTable(std::span<const Column> columns,
                        std::span<const std::vector<std::string>> rows);

// Colours that differ in lightness too, so that colour-blind readers tell them apart; the words
// beside them say the same. Plain text when `color` is false.
enum class Style : unsigned char { kGood, kWarning, kBad, kDim, kBold };
std::string Styled(std::string_view text, Style style, bool color);

}  // namespace fleetsync::ui
