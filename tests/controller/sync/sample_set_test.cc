#include "controller/sync/sample_set.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/controller/sync/times.h"

namespace fleetsync::sync {
namespace {

TEST(SampleSet, KnowsNothingWithoutAnExchange) { EXPECT_FALSE(SampleSet().estimate()); }

TEST(SampleSet, OneExchangeIsRightToHalfItsRoundTripAndTheResolution) {
  SampleSet set;
  set.Add(Asked(0ms, 10ms, 37s, 2ms));
  ASSERT_TRUE(set.estimate());
  EXPECT_EQ(set.estimate()->bound, 6ms);
  EXPECT_LE(Abs(set.estimate()->offset - 37s), 6ms);
}

TEST(SampleSet, OffsetIsPositiveWhenWeAreAhead) {
  SampleSet ahead, behind;
  ahead.Add(Asked(0ms, 1ms, 2s));
  behind.Add(Asked(0ms, 1ms, -2s));
  EXPECT_GT(ahead.estimate()->offset, 1999ms);
  EXPECT_LT(behind.estimate()->offset, -1999ms);
}

TEST(SampleSet, LopsidedDelaysTogetherSayMoreThanTheBestAlone) {
  SampleSet set;
  // Both round trips take 10 ms: all of it on the way there, then all of it on the way back.
  set.Add({.sent = At(0ms),
           .received = At(10ms),
           .earliest = At(10ms).system,
           .latest = At(10ms).system});
  set.Add({.sent = At(20ms),
           .received = At(30ms),
           .earliest = At(20ms).system,
           .latest = At(20ms).system});
  EXPECT_LT(set.estimate()->bound, 50us);
  EXPECT_LT(Abs(set.estimate()->offset), 50us);
}

TEST(SampleSet, TheTruthIsWithinTheBoundWhateverTheDelays) {
  std::mt19937 random(1);
  for (int run = 0; run < 200; ++run) {
    const Duration truth =
        std::chrono::microseconds(static_cast<int>(random() % 2'000'000) - 1'000'000);
    SampleSet set;
    Duration at{};
    for (int i = 0; i < 20; ++i) {
      const Duration there = std::chrono::microseconds(random() % 50'000);
      const Duration back = std::chrono::microseconds(random() % 50'000);
      const SystemTime read = At(at + there).system - truth;
      const SystemTime shown(
          std::chrono::floor<std::chrono::milliseconds>(read.time_since_epoch()));
      set.Add({.sent = At(at),
               .received = At(at + there + back),
               .earliest = shown,
               .latest = shown + 1ms});
      at += there + back;
    }
    ASSERT_LE(Abs(set.estimate()->offset - truth), set.estimate()->bound) << "run " << run;
    ASSERT_LT(set.estimate()->bound, 15ms) << "run " << run;
    ASSERT_EQ(set.restarts(), 0u);
  }
}

TEST(SampleSet, WholeSecondsBecomePreciseWhenTheSecondChanges) {
  SampleSet set;
  const Duration truth = 12345ms;
  for (Duration at{}; at < 1500ms; at += 5ms) {
    const SystemTime read = At(at + 1ms).system - truth;
    const SystemTime shown(std::chrono::floor<std::chrono::seconds>(read.time_since_epoch()));
    set.Add({.sent = At(at), .received = At(at + 2ms), .earliest = shown, .latest = shown + 1s});
  }
  EXPECT_LE(set.estimate()->bound, 5ms);
  EXPECT_LE(Abs(set.estimate()->offset - truth), set.estimate()->bound);
}

TEST(SampleSet, WhatWasLearntEarlierCountsForLessLater) {
  SampleSet set;
  set.Add(Asked(0ms, 1ms, 0s));
  const Duration early = set.estimate()->bound;
  set.Add(Asked(10s, 100ms, 0s));
  EXPECT_GT(set.estimate()->bound, early + 4ms);
}

TEST(SampleSet, AHostClockThatIsSteppedMeanwhileStartsAnew) {
  SampleSet set;
  set.Add(Asked(0ms, 1ms, 37s));
  set.Add(Asked(10ms, 1ms, 0s));
  EXPECT_EQ(set.restarts(), 1u);
  EXPECT_LE(Abs(set.estimate()->offset), 1ms);
}

TEST(SampleSet, AStepOfOurOwnClockIsNotTakenForTheHosts) {
  SampleSet set;
  set.Add(Asked(0ms, 1ms, 0s));
  Exchange stepped = Asked(10ms, 1ms, 0s);
  stepped.received.system += 5s;
  set.Add(stepped);
  EXPECT_FALSE(set.estimate());
  EXPECT_EQ(set.size(), 1u);
}

TEST(SteppedBetween, SeesStepsAndForgivesSlewing) {
  Now later = At(10s);
  EXPECT_EQ(SteppedBetween(At(0s), later), 0s);
  later.system += 4ms;
  EXPECT_EQ(SteppedBetween(At(0s), later), 0s);
  later.system -= 2s;
  EXPECT_EQ(SteppedBetween(At(0s), later), -1996ms);
}

}  // namespace
}  // namespace fleetsync::sync
