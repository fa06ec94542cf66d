#include "inventory/diagnostic.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/inventory/texts.h"

namespace fleetsync::inventory {
namespace {

using ::testing::ElementsAre;

TEST(Diagnostic, ReadsFileLineColumnWhatAndHint) {
  Diagnostics diagnostics;
  AddError(diagnostics, {"fleet.yaml", 3, 7}, "unknown key 'minpol'", "did you mean 'minpoll'?");
  AddWarning(diagnostics, {"fleet.yaml", 4, 1}, "only one relay", "");
  AddError(diagnostics, {.file = "fleet.yaml"}, "no hosts", "name some");
  EXPECT_THAT(
      Texts(diagnostics),
      ElementsAre("fleet.yaml:3:7: unknown key 'minpol'; did you mean 'minpoll'?",
                  "fleet.yaml:4:1: warning: only one relay", "fleet.yaml: no hosts; name some"));
}

TEST(Diagnostic, IsOnePrintableLineWhateverTheFileHolds) {
  Diagnostics diagnostics;
  AddError(diagnostics, {"a\nb", 1, 1}, "bad \x1b[31m\nname\t", "x\ny");
  EXPECT_THAT(Texts(diagnostics), ElementsAre("a\\nb:1:1: bad \\x1b[31m\\nname\\t; x\\ny"));
}

TEST(Diagnostic, AWarningIsNoError) {
  Diagnostics diagnostics;
  AddWarning(diagnostics, {"f", 1, 1}, "w", "");
  EXPECT_FALSE(HasErrors(diagnostics));
  AddError(diagnostics, {"f", 1, 1}, "e", "");
  EXPECT_TRUE(HasErrors(diagnostics));
}

TEST(Diagnostic, AreSortedByPlaceAndKeepTheirOrderThere) {
  Diagnostics diagnostics;
  AddError(diagnostics, {"f", 2, 1}, "d", "");
  AddError(diagnostics, {"f", 1, 9}, "b", "");
  AddError(diagnostics, {"f", 1, 9}, "c", "");
  AddError(diagnostics, {"f", 1, 2}, "a", "");
  SortByPlace(diagnostics);
  EXPECT_THAT(Texts(diagnostics), ElementsAre("f:1:2: a", "f:1:9: b", "f:1:9: c", "f:2:1: d"));
}

TEST(Quoted, CutsLongWordsBetweenCharacters) {
  EXPECT_EQ(Quoted("web\n01"), "'web\\n01'");
  EXPECT_EQ(Quoted(std::string(79, 'x') + "é"), "'" + std::string(79, 'x') + "...'");
}

}  // namespace
}  // namespace fleetsync::inventory
