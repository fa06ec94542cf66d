#include "controller/ui/table.h"

#include <algorithm>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::ui {
namespace {

constexpr std::string_view kGap = "  ";
constexpr char kEscape = '\x1b';

// Columns on the terminal: Styled's codes ("ESC [ digits ; … m") take none.
size_t VisibleWidth(std::string_view cell) {
  size_t width = 0;
  for (;;) {
    const size_t escape = cell.find(kEscape);
    width += DisplayWidth(cell.substr(0, escape));
    if (escape == std::string_view::npos) return width;
    const size_t end = cell.find('m', escape);
    if (end == std::string_view::npos) return width;
    cell.remove_prefix(end + 1);
  }
}

std::string OneLine(std::string_view cell) {
  std::string line(cell);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return line;
}

std::string_view CellAt(const std::vector<std::string>& row, size_t column) {
  return column < row.size() ? std::string_view(row[column]) : std::string_view();
}

void AppendRow(std::span<const Column> columns, const std::vector<std::string>& row,
               std::span<const size_t> widths, std::string& table) {
  std::string line;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string cell = OneLine(CellAt(row, i));
    const std::string padding(widths[i] - VisibleWidth(cell), ' ');
    if (i > 0) line += kGap;
    line += columns[i].align == Align::kRight ? padding + cell : cell + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  table += line + '\n';
}

std::string_view CodeOf(Style style) {
  switch (style) {
    case Style::kGood:
      return "32";
    case Style::kWarning:
      return "93";  // bright: lighter than kGood, where hue alone would not tell
    case Style::kBad:
      return "1;31";  // bold and darker than both
    case Style::kDim:
      return "2";
    case Style::kBold:
      return "1";
  }
  return "0";
}

}  // namespace

std::string FormatTable(std::span<const Column> columns,
                        std::span<const std::vector<std::string>> rows) {
  std::vector<std::string> titles;
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns.size(); ++i) {
    titles.push_back(columns[i].title);
    size_t width = VisibleWidth(columns[i].title);
    for (const auto& row : rows) width = std::max(width, VisibleWidth(CellAt(row, i)));
    widths.push_back(width);
  }
  std::string table;
  AppendRow(columns, titles, widths, table);
  for (const auto& row : rows) AppendRow(columns, row, widths, table);
  return table;
}

std::string Styled(std::string_view text, Style style, bool color) {
  if (!color || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", CodeOf(style), text);
}

}  // namespace fleetsync::ui
