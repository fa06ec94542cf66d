#include "controller/ui/screen.h"

#include "controller/ui/styled_text.h"
#include "gtest/gtest.h"

namespace fleetsync::ui {
namespace {

Screen Showing(const std::vector<std::string>& lines) {
  Screen screen;
  screen.Resize(40, 3);
  screen.Show(lines);
  return screen;
}

TEST(Screen, BeginsByClearing) {
  Screen screen;
  screen.Resize(10, 2);
  EXPECT_EQ(screen.Show({"ab", ""}), "\x1b[0m\x1b[2J\x1b[1;1Hab");
}

TEST(Screen, WritesOnlyWhatDiffers) {
  Screen screen = Showing({"web01  synced  +1.20 ms", "web02  synced  +1.30 ms"});
  EXPECT_EQ(screen.Show({"web01  synced  +1.20 ms", "web02  synced  +1.40 ms"}), "\x1b[2;19H4");
  EXPECT_EQ(screen.Show({"web01  synced  +1.20 ms", "web02  synced  +1.40 ms"}), "");
}

TEST(Screen, CellsFarApartAreAddressedEach) {
  Screen screen = Showing({"a                   b"});
  EXPECT_EQ(screen.Show({"x                   y"}), "\x1b[1;1Hx\x1b[1;21Hy");
}

TEST(Screen, AStyleIsADifferenceAndIsClosed) {
  Screen screen = Showing({"synced"});
  EXPECT_EQ(screen.Show({Styled("synced", Style::kDim, true)}), "\x1b[1;1H\x1b[2msynced\x1b[0m");
}

TEST(Screen, TheRestOfALineGoesWithOneCode) {
  Screen screen = Showing({"a long line that goes away"});
  EXPECT_EQ(screen.Show({"a"}), "\x1b[1;3H\x1b[K");
}

TEST(Screen, WhatIsOutsideIsCutOff) {
  Screen screen;
  screen.Resize(3, 1);
  EXPECT_EQ(screen.Show({"±■·…", "second"}), "\x1b[0m\x1b[2J\x1b[1;1H±■·");
}

TEST(Screen, AfterAResizeAllIsDrawnAgain) {
  Screen screen = Showing({"ab"});
  screen.Resize(20, 3);
  EXPECT_EQ(screen.Show({"ab"}), "\x1b[0m\x1b[2J\x1b[1;1Hab");
}

}  // namespace
}  // namespace fleetsync::ui
