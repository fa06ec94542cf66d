#include "controller/ui/table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::ui {
namespace {

using Rows = std::vector<std::vector<std::string>>;

TEST(Table, ColumnsAreAsWideAsTheirWidestCellAndNothingTrails) {
  const std::vector<Column> columns = {{"HOST"}, {"OFFSET", Align::kRight}, {"SOURCE"}};
  EXPECT_EQ(FormatTable(columns, Rows{{"web01", "+1.20 ms", "ntp1.example"}, {"db", "0 ns", "-"}}),
            "HOST     OFFSET  SOURCE\n"
            "web01  +1.20 ms  ntp1.example\n"
            "db         0 ns  -\n");
}

TEST(Table, WidthIsCountedInCharactersNotBytes) {
  const std::vector<Column> columns = {{"NAME"}, {"±BOUND", Align::kRight}};
  EXPECT_EQ(FormatTable(columns, Rows{{"münchen", "1 µs"}, {"paris", "10 ms"}}),
            "NAME     ±BOUND\n"
            "münchen    1 µs\n"
            "paris     10 ms\n");
}

TEST(Table, StyleCodesTakeNoRoom) {
  const std::vector<Column> columns = {{"STATE"}, {"N", Align::kRight}};
  EXPECT_EQ(FormatTable(columns, Rows{{Styled("off", Style::kBad, true), "1"}, {"synced", "22"}}),
            "STATE    N\n"
            "\x1b[1;38;5;166moff\x1b[0m      1\n"
            "synced  22\n");
}

TEST(Table, WithoutRowsTheHeadingIsGiven) {
  const std::vector<Column> columns = {{"HOST"}, {"STATE"}};
  EXPECT_EQ(FormatTable(columns, Rows{}), "HOST  STATE\n");
}

TEST(Table, MissingCellsAreEmptyAndARowStaysOneLine) {
  const std::vector<Column> columns = {{"A"}, {"B"}, {"C"}};
  EXPECT_EQ(FormatTable(columns, Rows{{"x"}, {"two\nlines", "y", "z"}}),
            "A          B  C\n"
            "x\n"
            "two lines  y  z\n");
}

TEST(Style, IsPlainTextWithoutColour) {
  EXPECT_EQ(Styled("synced", Style::kGood, false), "synced");
  EXPECT_EQ(Styled("synced", Style::kGood, true), "\x1b[38;5;36msynced\x1b[0m");
  EXPECT_EQ(Styled("", Style::kGood, true), "");
}

}  // namespace
}  // namespace fleetsync::ui
