#include "controller/ui/table.h"

#include <algorithm>

#include "fmt/format.h"

namespace fleetsync::ui {
namespace {

constexpr std::string_view kGap = "  ";

std::string OneLine(std::string_view cell) {
  std::string line(cell);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return line;
}

std::string_view CellAt(const std::vector<std::string>& row, size_t column) {
  return column < row.size() ? std::string_view(row[column]) : std::string_view();
}

struct Shown {
  size_t column = 0;
  size_t width = 0;
};

std::string LineOf(std::span<const Column> columns, const std::vector<std::string>& row,
                   std::span<const Shown> shown) {
  std::string line;
  for (const Shown& one : shown) {
    const std::string cell = OneLine(CellAt(row, one.column));
    if (&one != &shown.front()) line += kGap;
    const std::string padding(one.width - VisibleWidth(cell), ' ');
    line += columns[one.column].align == Align::kRight ? padding + cell : cell + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

size_t TotalWidth(std::span<const Shown> shown) {
  size_t total = 0;
  for (const Shown& one : shown) total += one.width + kGap.size();
  return total == 0 ? 0 : total - kGap.size();
}

// The columns that `width` has place for.
std::vector<Shown> Choose(std::span<const Column> columns,
                          std::span<const std::vector<std::string>> rows, size_t width) {
  std::vector<Shown> shown;
  for (size_t i = 0; i < columns.size(); ++i) {
    Shown one{.column = i, .width = std::max(columns[i].at_least, VisibleWidth(columns[i].title))};
    for (const auto& row : rows) one.width = std::max(one.width, VisibleWidth(CellAt(row, i)));
    shown.push_back(one);
  }
  const auto less_important = [&columns](const Shown& a, const Shown& b) {
    return columns[a.column].importance < columns[b.column].importance;
  };
  while (width > 0 && TotalWidth(shown) > width) {
    const auto most = std::max_element(shown.begin(), shown.end(), less_important);
    const auto least = std::min_element(shown.begin(), shown.end(), less_important);
    if (columns[most->column].importance == columns[least->column].importance) break;
    shown.erase(least);
  }
  return shown;
}

}  // namespace

std::vector<std::string> TableLines(std::span<const Column> columns,
                                    std::span<const std::vector<std::string>> rows, size_t width) {
  const std::vector<Shown> shown = Choose(columns, rows, width);
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  std::vector<std::string> lines = {LineOf(columns, titles, shown)};
  lines.reserve(rows.size() + 1);
  for (const auto& row : rows) lines.push_back(LineOf(columns, row, shown));
  if (width > 0)
    for (std::string& line : lines) line = FitToWidth(line, width);
  return lines;
}

std::string FormatTable(std::span<const Column> columns,
                        std::span<const std::vector<std::string>> rows) {
  std::string table;
  for (const std::string& line : TableLines(columns, rows, 0)) table += line + '\n';
  return table;
}

}  // namespace fleetsync::ui
