#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fleetsync::ui {

// What a terminal shows, and the bytes that change it into something else: only cells that differ
// are written. Pure.
class Screen {
 public:
  // From now on the terminal has this size and is empty: Show begins by clearing it.
  void Resize(size_t columns, size_t rows);

  // Lines may hold UTF-8 and Styled's codes; what is outside of the screen is cut off.
  std::string Show(const std::vector<std::string>& lines);

 private:
  struct Cell {
    char32_t character = U' ';
    uint8_t style = 0;  // index into styles_

    bool operator==(const Cell&) const = default;
  };
  using Row = std::vector<Cell>;

  Row RowOf(std::string_view line);
  uint8_t StyleOf(std::string_view code);
  void Write(size_t row, size_t from, size_t to, const Row& cells, std::string& bytes) const;
  void ShowRow(size_t row, const Row& cells, std::string& bytes) const;

  size_t columns_ = 0;
  bool clear_ = true;
  std::vector<Row> shown_;
  std::vector<std::string> styles_ = {""};  // codes that were met; 0: none
};

}  // namespace fleetsync::ui
