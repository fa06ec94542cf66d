#include <algorithm>
#include <vector>

#include "gtest/gtest.h"
#include "tests/sim/scenarios.h"

namespace fleetsync::sim {
namespace {

constexpr int kSeeds = 3;

std::vector<Outcome> RunSeeds(const Scenario& scenario, int8_t minpoll, int8_t maxpoll) {
  std::vector<Outcome> outcomes;
  for (int seed = 1; seed <= kSeeds; ++seed)
    outcomes.push_back(sim::Run(scenario, minpoll, maxpoll, static_cast<uint64_t>(seed)));
  std::sort(outcomes.begin(), outcomes.end(),
            [](const Outcome& a, const Outcome& b) { return a.rms < b.rms; });
  return outcomes;
}

double MedianRms(const std::vector<Outcome>& outcomes) { return outcomes[kSeeds / 2].rms * 1e6; }

TEST(Figures, TheClockIsKeptBetterThanChronyKeepsItWithNoMoreRequests) {
  for (const Scenario& s : AllScenarios()) {
    if (s.chrony.rms_us == 0) continue;
    const auto outcomes = RunSeeds(s, 6, 6);
    EXPECT_LE(MedianRms(outcomes), 0.8 * s.chrony.rms_us) << s.name;
    for (const Outcome& o : outcomes)
      EXPECT_LE(o.requests, 56.25 * static_cast<double>(s.world.servers.size())) << s.name;
  }
}

TEST(Figures, SoItIsWhenTheEngineChoosesTheInterval) {
  for (const Scenario& s : AllScenarios()) {
    if (s.chrony.rms_us == 0) continue;
    const auto outcomes = RunSeeds(s, 6, 10);
    EXPECT_LE(MedianRms(outcomes), 0.7 * s.chrony.long_rms_us) << s.name;
    EXPECT_LE(outcomes[kSeeds / 2].requests, s.chrony.long_requests + 0.5) << s.name;
  }
}

TEST(Figures, TheErrorIsAlwaysWithinWhatIsClaimed) {
  for (const Scenario& s : AllScenarios())
    for (const Outcome& o : RunSeeds(s, 6, 10)) EXPECT_EQ(o.bound_held, 1) << s.name;
}

// The largest claim in hours. The RMS is a mean over each interval, the claim for its end as well.
TEST(Figures, NoMoreIsClaimedThanHalfTheDelayAndAFewTimesTheUsualError) {
  for (const Scenario& s : AllScenarios()) {
    if (s.chrony.rms_us == 0) continue;
    EXPECT_LE(RunSeeds(s, 6, 6)[kSeeds / 2].ClaimRatio(), s.name == "lan" ? 6.5 : 5) << s.name;
    EXPECT_LE(RunSeeds(s, 6, 10)[kSeeds / 2].ClaimRatio(), 15) << s.name;
  }
}

TEST(Figures, TheClockIsRightSecondsAfterTheStart) {
  for (const Scenario& s : AllScenarios()) {
    if (s.chrony.settled_s == 0 || s.name == "burst") continue;  // which starts in its congestion
    for (const Outcome& o : RunSeeds(s, 6, 6)) EXPECT_LE(o.settled, 100) << s.name;
  }
}

TEST(Figures, TheSameSeedGivesTheSameHistoryBitForBit) {
  const Scenario s = AllScenarios()[0];
  const Outcome first = sim::Run(s, 6, 10, 5);
  const Outcome second = sim::Run(s, 6, 10, 5);
  EXPECT_EQ(first.rms, second.rms);
  EXPECT_EQ(first.trace, second.trace);
  EXPECT_NE(first.rms, sim::Run(s, 6, 10, 6).rms);
}

}  // namespace
}  // namespace fleetsync::sim
