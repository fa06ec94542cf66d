#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "gtest/gtest.h"
#include "tests/sim/site.h"

namespace fleetsync::sim {
namespace {

constexpr double kHour = 3600;

SiteConfig ThreeRelays(std::optional<uint8_t> local_stratum) {
  SiteConfig config{.local_stratum = local_stratum};
  for (const double ppm : {10.0, 25.0, -40.0})
    config.relays.push_back({.frequency = ppm * 1e-6, .wander = 1e-8});
  return config;
}

double LargestDisagreement(Site& site, double hours) {
  double largest = 0;
  for (int i = 0; i < static_cast<int>(hours * 60); ++i) {
    site.RunFor(60);
    largest = std::max(largest, site.Disagreement());
  }
  return largest;
}

TEST(Relays, ThatAskEachOtherAsWellDoNotLeadEachOtherAstray) {
  Site site(ThreeRelays(10));
  site.RunFor(2 * kHour);
  for (int hour = 0; hour < 12; ++hour) {
    site.RunFor(kHour);
    for (size_t i = 0; i < 3; ++i) EXPECT_LT(std::abs(site.ServedError(i)), 100e-6);
  }
}

TEST(Orphans, RelaysCutOffFromTheirUpstreamStayTogetherForDays) {
  Site site(ThreeRelays(10));
  site.RunFor(2 * kHour);
  EXPECT_LT(site.Disagreement(), 1e-3);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(site.Stratum(i), 2);
  site.CutUpstream();
  // The one with the lowest address leads, by what it knew; the others follow it.
  EXPECT_LT(LargestDisagreement(site, 48), 0.5e-3);
  EXPECT_EQ(site.Stratum(0), 2);
  EXPECT_EQ(site.Stratum(1), 3);
  EXPECT_EQ(site.Stratum(2), 3);
  // Once it knows too little it says that it serves its own time, and they still stay together.
  EXPECT_LT(LargestDisagreement(site, 240), 1e-3);
  EXPECT_EQ(site.Stratum(0), 10);
  EXPECT_EQ(site.Stratum(1), 11);
  EXPECT_EQ(site.Stratum(2), 11);
}

// Its oscillator is 10 ppm off: in six hours 216 ms, if it gave up what it knows.
TEST(Orphans, TheLeaderHoldsTheFrequencyThatItHadLearned) {
  SiteConfig config = ThreeRelays(10);
  for (OscillatorConfig& oscillator : config.relays) oscillator.wander = 1e-10;
  Site site(config);
  site.RunFor(2 * kHour);
  site.CutUpstream();
  EXPECT_LT(LargestDisagreement(site, 6), 0.2e-3);
  for (size_t i = 0; i < 3; ++i) EXPECT_LT(std::abs(site.ServedError(i)), 2e-3);
}

TEST(Orphans, WhenTheUpstreamIsBackEachIsSetOnceAndByNoMoreThanItWasWrong) {
  Site site(ThreeRelays(10));
  site.RunFor(2 * kHour);
  site.CutUpstream();
  site.RunFor(24 * kHour);
  std::array<double, 3> before{}, last{};
  for (size_t i = 0; i < 3; ++i) before[i] = last[i] = site.ServedError(i);
  EXPECT_GT(std::abs(before[0]), 2e-3);
  site.RestoreUpstream();
  std::array<int, 3> jumps{};
  for (int second = 0; second < 1800; ++second) {
    site.RunFor(1);
    for (size_t i = 0; i < 3; ++i) {
      const double jump = site.ServedError(i) - std::exchange(last[i], site.ServedError(i));
      if (std::abs(jump) < 0.2e-3) continue;
      ++jumps[i];
      EXPECT_NEAR(jump, -before[i], 1e-3) << i << " after " << second << " s";
    }
  }
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(jumps[i], 1) << i;
}

TEST(Orphans, AllAreRightAgainSoonAfterTheUpstreamIsBack) {
  Site site(ThreeRelays(10));
  site.RunFor(2 * kHour);
  site.CutUpstream();
  site.RunFor(24 * kHour);
  site.RestoreUpstream();
  site.RunFor(kHour);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(site.Stratum(i), 2);
    EXPECT_LT(std::abs(site.ServedError(i)), 1e-3);
  }
}

TEST(Orphans, WithoutALocalStratumNoneClaimsMoreThanItKnowsAndAllSayInTheEndThatTheyAreLost) {
  Site site(ThreeRelays(std::nullopt));
  site.RunFor(kHour);
  site.CutUpstream();
  for (int hour = 0; hour < 240; ++hour) {
    site.RunFor(kHour);
    for (size_t i = 0; i < 3; ++i) {
      if (site.Stratum(i) == 16) continue;
      EXPECT_LE(std::abs(site.ServedError(i)), site.Claim(i)) << hour;
    }
  }
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(site.Stratum(i), 16);
}

}  // namespace
}  // namespace fleetsync::sim
