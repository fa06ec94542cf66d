#include <algorithm>
#include <limits>

#include "gtest/gtest.h"
#include "tests/sim/drawn.h"

namespace fleetsync::sim {
namespace {

// The most that the nearest honest server's path can mislead.
double LeastUnknowable(const Scenario& s) {
  double least = std::numeric_limits<double>::infinity();
  for (const Server& server : s.world.servers)
    if (server.ahead == 0)
      least = std::min(least, (server.there.Shortest(1e9) + server.back.Shortest(1e9)) / 2);
  return least;
}

TEST(RandomScenarios, TheClockIsKeptAndTheBoundHolds) {
  int held_always = 0;
  constexpr int kScenarios = 80;
  for (uint64_t number = 1; number <= kScenarios; ++number) {
    const Scenario s = DrawScenario(number);
    const Outcome o = RunDrawn(s, number);
    EXPECT_LT(o.rms, LeastUnknowable(s) + 3 * o.ideal) << number;
    EXPECT_GT(o.bound_held, 0.99) << number;
    held_always += o.bound_held == 1 ? 1 : 0;
  }
  EXPECT_GE(held_always, kScenarios * 98 / 100);
}

}  // namespace
}  // namespace fleetsync::sim
