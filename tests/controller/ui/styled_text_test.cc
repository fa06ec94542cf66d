#include "controller/ui/styled_text.h"

#include "controller/ui/table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::ui {
namespace {

using testing::ElementsAre;

TEST(StyledText, IsCutByWhatIsSeen) {
  EXPECT_EQ(FitToWidth("±■·", 3), "±■·");
  EXPECT_EQ(FitToWidth("±■·x", 3), "±■…");
  EXPECT_EQ(FitToWidth(Styled("synced", Style::kDim, true), 4), "\x1b[2msyn…\x1b[0m");
  EXPECT_EQ(FitToWidth("x", 0), "");
  EXPECT_EQ(PadToWidth("ab", 4), "ab  ");
}

TEST(StyledText, AsciiKeepsEveryColumn) {
  const std::string text = "✓ synced ▲  377 ■■■····■  ±1 us  ▁▃█ ⣿⡀";
  EXPECT_EQ(ToAscii(text), "+ synced ^  377 ###....#  ~1 us  _-# #.");
  EXPECT_EQ(VisibleWidth(ToAscii(text)), VisibleWidth(text));
  EXPECT_EQ(ToAscii(Styled("é", Style::kDim, true)), "\x1b[2m?\x1b[0m");
}

TEST(TableLines, LeavesOutTheLeastImportantColumns) {
  const std::vector<Column> columns = {
      {"HOST", Align::kLeft, 9}, {"FREQ", Align::kRight, 1}, {"SOURCE", Align::kLeft, 5}};
  const std::vector<std::vector<std::string>> rows = {{"web01", "-1.2", "ntp1.example"}};
  EXPECT_THAT(TableLines(columns, rows, 40),
              ElementsAre("HOST   FREQ  SOURCE", "web01  -1.2  ntp1.example"));
  EXPECT_THAT(TableLines(columns, rows, 24), ElementsAre("HOST   SOURCE", "web01  ntp1.example"));
  EXPECT_THAT(TableLines(columns, rows, 10), ElementsAre("HOST", "web01"));
  EXPECT_THAT(TableLines(columns, rows, 4), ElementsAre("HOST", "web…"));
}

}  // namespace
}  // namespace fleetsync::ui
