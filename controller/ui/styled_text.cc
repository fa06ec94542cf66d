#include "controller/ui/styled_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "controller/ui/utf8.h"
#include "fmt/format.h"

namespace fleetsync::ui {
namespace {

constexpr char kEscape = '\x1b';
constexpr std::string_view kReset = "\x1b[0m";

std::string_view CodeOf(Style style) {
  switch (style) {
    case Style::kGood:
      return "38;5;36";
    case Style::kWarning:
      return "38;5;178";
    case Style::kBad:
      return "1;38;5;166";
    case Style::kDim:
      return "2";
    case Style::kBold:
      return "1";
    case Style::kReverse:
      return "7";
  }
  return "0";
}

// The length of the code that `text` begins with; 0 when it begins with none.
size_t CodeLength(std::string_view text) {
  if (text.empty() || text.front() != kEscape) return 0;
  const size_t end = text.find('m');
  return end == std::string_view::npos ? text.size() : end + 1;
}

struct Replacement {
  char32_t character;
  char ascii;
};
constexpr auto kReplacements = std::to_array<Replacement>(
    {{U'±', '~'}, {U'■', '#'}, {U'·', '.'}, {U'…', '~'}, {U'µ', 'u'}, {U'▁', '_'}, {U'▂', '.'},
     {U'▃', '-'}, {U'▄', '='}, {U'▅', '+'}, {U'▆', '*'}, {U'▇', '%'}, {U'█', '#'}, {U'✓', '+'},
     {U'✗', 'X'}, {U'▲', '^'}, {U'≠', '!'}, {U'◆', 'x'}, {U'◇', 'o'}, {U'◐', '>'}, {U'│', '|'},
     {U'─', '-'}, {U'└', '+'}, {U'┤', '+'}, {U'┬', '+'}, {U'┴', '+'}, {U'┼', '+'}, {U'↑', '^'},
     {U'↓', 'v'}, {U'↔', '='}, {U'◌', 'o'}, {U'⇄', 'S'}, {U'○', 'R'}, {U'≤', '<'}});

char AsciiOf(char32_t c) {
  if (c < 0x80) return static_cast<char>(c);
  if (c >= 0x2800 && c <= 0x28ff) {  // Braille: by how many dots are set
    const auto dots = static_cast<size_t>(__builtin_popcount(static_cast<unsigned>(c & 0xff)));
    return " .:-=+*##"[dots];
  }
  const auto* const found = std::find_if(kReplacements.begin(), kReplacements.end(),
                                         [c](const Replacement& r) { return r.character == c; });
  return found == kReplacements.end() ? '?' : found->ascii;
}

}  // namespace

std::string Styled(std::string_view text, Style style, bool color) {
  if (!color || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}{}", CodeOf(style), text, kReset);
}

size_t VisibleWidth(std::string_view line) {
  size_t width = 0;
  for (;;) {
    const size_t escape = line.find(kEscape);
    width += DisplayWidth(line.substr(0, escape));
    if (escape == std::string_view::npos) return width;
    line.remove_prefix(escape);
    line.remove_prefix(CodeLength(line));
  }
}

std::string FitToWidth(std::string_view line, size_t width) {
  if (VisibleWidth(line) <= width) return std::string(line);
  if (width == 0) return {};
  std::string cut;
  bool styled = false;
  for (size_t column = 0; column + 1 < width;) {
    if (const size_t code = CodeLength(line); code > 0) {
      styled = line.substr(0, code) != kReset;
      cut += line.substr(0, code);
      line.remove_prefix(code);
      continue;
    }
    TakeCharacter(line, cut);
    ++column;
  }
  cut += "…";
  if (styled) cut += kReset;
  return cut;
}

std::string PadToWidth(std::string_view line, size_t width) {
  std::string fitted = FitToWidth(line, width);
  fitted.append(width - VisibleWidth(fitted), ' ');
  return fitted;
}

std::string ToAscii(std::string_view text) {
  std::string ascii;
  ascii.reserve(text.size());
  while (!text.empty()) ascii += AsciiOf(TakeCharacter(text));
  return ascii;
}

}  // namespace fleetsync::ui
