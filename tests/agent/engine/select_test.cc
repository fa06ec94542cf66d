#include "agent/engine/select.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::ntp {
namespace {

using std::chrono::milliseconds;

Candidate At(int offset_ms, int bound_ms, uint8_t stratum = 2) {
  return {milliseconds(offset_ms), milliseconds(bound_ms), stratum};
}

struct Case {
  const char* what;
  std::vector<Candidate> candidates;
  std::vector<bool> truechimers;
  std::optional<size_t> selected;
};

TEST(Select, Table) {
  const Case cases[] = {
      {"nobody", {}, {}, std::nullopt},
      {"one is its own majority", {At(5, 1)}, {true}, 0},
      {"two that touch agree", {At(0, 5), At(10, 5)}, {true, true}, 0},
      {"two that do not touch: none", {At(0, 4), At(10, 5)}, {false, false}, std::nullopt},
      {"one of three is outvoted", {At(0, 2), At(1, 2), At(50, 2)}, {true, true, false}, 0},
      {"wherever it is", {At(-90, 2), At(1, 3), At(0, 2)}, {false, true, true}, 2},
      {"three apart: none", {At(0, 1), At(10, 1), At(20, 1)}, {false, false, false}, std::nullopt},
      {"two against two: none",
       {At(0, 1), At(0, 1), At(9, 1), At(9, 1)},
       {false, false, false, false},
       std::nullopt},
      {"three against two",
       {At(9, 1), At(0, 1), At(0, 1), At(9, 1), At(0, 1)},
       {false, true, true, false, true},
       1},
      {"lowest stratum wins", {At(0, 2, 3), At(0, 9, 1), At(0, 1, 2)}, {true, true, true}, 1},
      {"then the smallest bound", {At(0, 9), At(0, 3), At(0, 4)}, {true, true, true}, 1},
  };
  for (const Case& c : cases) {
    const Selection s = Select(c.candidates, std::nullopt);
    EXPECT_EQ(s.truechimer, c.truechimers) << c.what;
    EXPECT_EQ(s.selected, c.selected) << c.what;
  }
}

TEST(Select, AMinorityOfFalsetickersNeverMovesTheSelectionHoweverItAgrees) {
  for (int falsetickers = 0; falsetickers < 4; ++falsetickers) {
    for (int lie = -100; lie <= 100; lie += 7) {
      std::vector<Candidate> candidates;
      for (int i = 0; i < falsetickers; ++i) candidates.push_back(At(lie, 1, 1));
      for (int i = 0; i < falsetickers + 1; ++i) candidates.push_back(At(i % 3 - 1, 5));
      const Selection s = Select(candidates, std::nullopt);
      ASSERT_TRUE(s.selected.has_value());
      // Within what a truechimer could say: its interval holds the truth (zero).
      const Candidate& c = candidates[*s.selected];
      EXPECT_LE(Abs(c.offset), c.error_bound + milliseconds(6)) << falsetickers << " say " << lie;
    }
  }
}

TEST(Select, TheCurrentSourceIsKeptUnlessAnotherIsClearlyBetter) {
  EXPECT_EQ(Select(std::vector{At(0, 6), At(0, 4)}, 0).selected, 0u);
  EXPECT_EQ(Select(std::vector{At(0, 9), At(0, 4)}, 0).selected, 1u);
  EXPECT_EQ(Select(std::vector{At(0, 4, 3), At(0, 4, 2)}, 0).selected, 1u);
  EXPECT_EQ(Select(std::vector{At(90, 4), At(0, 4), At(0, 4)}, 0).selected, 1u);
}

}  // namespace
}  // namespace fleetsync::ntp
