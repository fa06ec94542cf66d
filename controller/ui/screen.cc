#include "controller/ui/screen.h"

#include <algorithm>

#include "controller/ui/utf8.h"
#include "fmt/format.h"

namespace fleetsync::ui {
namespace {

// Fewer equal cells between two that differ are written again: cheaper than another address.
constexpr size_t kShortGap = 6;

}  // namespace

void Screen::Resize(size_t columns, size_t rows) {
  columns_ = columns;
  shown_.assign(rows, Row(columns));
  clear_ = true;
}

uint8_t Screen::StyleOf(std::string_view code) {
  if (code == "\x1b[0m") return 0;
  auto it = std::find(styles_.begin(), styles_.end(), code);
  if (it == styles_.end()) {
    if (styles_.size() > UINT8_MAX) return 0;
    it = styles_.emplace(styles_.end(), code);
  }
  return static_cast<uint8_t>(it - styles_.begin());
}

Screen::Row Screen::RowOf(std::string_view line) {
  Row row;
  row.reserve(columns_);
  uint8_t style = 0;
  while (!line.empty() && row.size() < columns_) {
    if (line.front() == '\x1b') {
      const size_t end = std::min(line.find('m'), line.size() - 1);
      style = StyleOf(line.substr(0, end + 1));
      line.remove_prefix(end + 1);
      continue;
    }
    row.push_back({.character = TakeCharacter(line), .style = style});
  }
  row.resize(columns_);
  return row;
}

void Screen::Write(size_t row, size_t from, size_t to, const Row& cells, std::string& bytes) const {
  bytes += fmt::format("\x1b[{};{}H", row + 1, from + 1);
  // Blanks up to the end of the line are one code.
  size_t end = to;
  while (end > from && cells[end - 1] == Cell{}) --end;
  const bool blank_tail =
      to - end > 3 && std::all_of(cells.begin() + static_cast<std::ptrdiff_t>(end), cells.end(),
                                  [](const Cell& cell) { return cell == Cell{}; });
  if (!blank_tail) end = to;
  uint8_t style = 0;
  for (size_t column = from; column < end; ++column) {
    if (cells[column].style != style) {
      if (style != 0) bytes += "\x1b[0m";
      style = cells[column].style;
      bytes += styles_[style];
    }
    AppendUtf8(cells[column].character, bytes);
  }
  if (style != 0) bytes += "\x1b[0m";
  if (blank_tail) bytes += "\x1b[K";
}

void Screen::ShowRow(size_t row, const Row& cells, std::string& bytes) const {
  const Row& shown = shown_[row];
  size_t column = 0;
  while (column < columns_) {
    if (cells[column] == shown[column]) {
      ++column;
      continue;
    }
    const size_t from = column;
    size_t to = column + 1;  // behind the last that differs
    for (size_t next = to; next < columns_ && next - to <= kShortGap; ++next)
      if (cells[next] != shown[next]) to = next + 1;
    Write(row, from, to, cells, bytes);
    column = to;
  }
}

std::string Screen::Show(const std::vector<std::string>& lines) {
  std::string bytes;
  if (clear_) bytes += "\x1b[0m\x1b[2J";
  clear_ = false;
  for (size_t row = 0; row < shown_.size(); ++row) {
    Row cells = RowOf(row < lines.size() ? std::string_view(lines[row]) : std::string_view());
    ShowRow(row, cells, bytes);
    shown_[row] = std::move(cells);
  }
  return bytes;
}

}  // namespace fleetsync::ui
