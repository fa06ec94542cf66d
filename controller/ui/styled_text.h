#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fleetsync::ui {

// Colours that readers with any kind of colour vision tell apart (Okabe and Ito's bluish green,
// orange and vermilion, which differ in lightness too); words and symbols beside them say the same.
// Plain text when `color` is false.
enum class Style : unsigned char { kGood, kWarning, kBad, kDim, kBold, kReverse };
std::string Styled(std::string_view text, Style style, bool color);

// Columns on the terminal: Styled's codes ("ESC [ digits ; … m") take none.
size_t VisibleWidth(std::string_view line);

// `line` cut to at most `width` columns, "…" in the last one when something was cut. Codes that
// were opened are closed.
std::string FitToWidth(std::string_view line, size_t width);

// `line` with blanks to exactly `width` columns, or cut to it.
std::string PadToWidth(std::string_view line, size_t width);

// For terminals that show ASCII alone: every character that the product prints in the place of one
// column becomes one ASCII character that looks like it, others '?'. Codes stay.
std::string ToAscii(std::string_view text);

}  // namespace fleetsync::ui
