#include "agent/engine/estimator.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace fleetsync::ntp {
namespace {

constexpr Duration kAhead = std::chrono::hours(500'000);

Observation Seen(double at, double ahead, double sigma = 1e-5) {
  return {.at = MonoTime(FromSeconds(at)),
          .ahead = kAhead + FromSeconds(ahead),
          .variance = sigma * sigma,
          .bias_sigma = 1e-6};
}

double AheadAt(const Estimator& e, double t) {
  return ToSeconds(e.At(MonoTime(FromSeconds(t))).ahead - kAhead);
}

TEST(Estimator, OffsetAndFrequencyAreLearnedWithTheirUncertainties) {
  Estimator e(1, std::nullopt);
  std::mt19937_64 random(2);
  std::normal_distribution<double> noise(0, 1e-5);
  for (int i = 0; i < 100; ++i) e.Add(0, Seen(64 * i, 0.5 + 20e-6 * 64 * i + noise(random)));
  const Belief b = e.At(MonoTime(FromSeconds(6400)));
  EXPECT_NEAR(AheadAt(e, 6400), 0.5 + 20e-6 * 6400, 5 * b.sigma);
  EXPECT_NEAR(b.frequency, 20e-6, 5 * b.frequency_sigma);
  EXPECT_LT(b.sigma, 1e-5);
  EXPECT_LT(b.frequency_sigma, 0.05e-6);
  EXPECT_LT(b.wander, 3e-9);
}

TEST(Estimator, TheUncertaintyGrowsWithoutSamples) {
  Estimator e(1, std::nullopt);
  for (int i = 0; i < 100; ++i) e.Add(0, Seen(64 * i, 0));
  double last = 0;
  for (const double later : {0.0, 100.0, 1e3, 1e4, 1e5}) {
    const double sigma = e.At(MonoTime(FromSeconds(6400 + later))).sigma;
    EXPECT_GT(sigma, last);
    last = sigma;
  }
}

TEST(Estimator, TheWanderOfTheClockIsLearned) {
  for (const double wander : {1e-9, 1e-8, 1e-7}) {
    Estimator e(1, std::nullopt);
    std::mt19937_64 random(7);
    std::normal_distribution<double> normal;
    double x = 0;
    double f = 0;
    for (int t = 0; t < 64 * 400; ++t) {
      if (t % 64 == 0) e.Add(0, Seen(t, x + 1e-5 * normal(random)));
      x += f;
      f += wander * normal(random);
    }
    const double learned = e.At(MonoTime(FromSeconds(64 * 400))).wander;
    EXPECT_GT(learned, wander / 2);
    EXPECT_LT(learned, wander * 2);
  }
}

TEST(Estimator, ASpikeIsSetAsideAndASecondOfItsKindIsBelieved) {
  Estimator e(1, std::nullopt);
  for (int i = 0; i < 50; ++i) e.Add(0, Seen(64 * i, 0));
  EXPECT_EQ(e.Add(0, Seen(3200, 0.5)), Estimator::Taken::kOutlier);
  EXPECT_NEAR(AheadAt(e, 3200), 0, 1e-4);
  EXPECT_GT(e.Doubt(), 0.4);
  EXPECT_EQ(e.Add(0, Seen(3264, 0)), Estimator::Taken::kUsed);
  EXPECT_EQ(e.Doubt(), 0);
  EXPECT_EQ(e.Add(0, Seen(3300, 0.5)), Estimator::Taken::kOutlier);
  EXPECT_EQ(e.Add(0, Seen(3302, 0.5)), Estimator::Taken::kNewStart);
  EXPECT_NEAR(AheadAt(e, 3302), 0.5, 1e-3);
}

TEST(Estimator, ASourceThatJumpsWhileAnotherDoesNotHasABiasOfItsOwn) {
  Estimator e(2, std::nullopt);
  for (int i = 0; i < 50; ++i) {
    e.Add(0, Seen(64 * i, 0));
    e.Add(1, Seen(64 * i + 32, 0));
  }
  for (int i = 50; i < 60; ++i) {
    e.Add(0, Seen(64 * i, 5e-3));
    e.Add(1, Seen(64 * i + 32, 0));
  }
  EXPECT_NEAR(AheadAt(e, 60 * 64), 0, 5e-5);
  EXPECT_NEAR(e.TrackOf(0, MonoTime(FromSeconds(3840))).bias, 5e-3, 2e-4);
}

TEST(Estimator, WhenBothJumpItWasTheClock) {
  Estimator e(2, std::nullopt);
  for (int i = 0; i < 50; ++i) {
    e.Add(0, Seen(64 * i, 0));
    e.Add(1, Seen(64 * i + 32, 0));
  }
  for (int i = 0; i < 4; ++i) {
    e.Add(0, Seen(3200 + 2 * i, 5e-3));
    e.Add(1, Seen(3201 + 2 * i, 5e-3));
  }
  EXPECT_NEAR(AheadAt(e, 3208), 5e-3, 2e-4);
}

// A path that is congested one way: no sample lies, each is late by less than its round trip, and
// their mean is no nearer to the truth than half of what they took.
TEST(Estimator, WhatIsLearnedFromLateAnswersAloneMayBeAsWrongAsTheyAre) {
  Estimator e(1, std::nullopt);
  std::mt19937_64 random(3);
  std::exponential_distribution<double> late(1 / 2e-3);
  for (int i = 0; i < 40; ++i) {
    const double wait = late(random);
    Observation o = Seen(16 * i, -wait / 2, 1e-3);
    o.half_delay = 1e-4 + wait / 2;
    e.Add(0, o);
  }
  const Estimator::Track track = e.TrackOf(0, MonoTime(FromSeconds(16 * 39)));
  EXPECT_GT(track.worst, std::abs(AheadAt(e, 16 * 39)));
  EXPECT_LT(track.worst, 2e-3);
}

TEST(Estimator, BetweenSamplesTheReachGrowsByWhatTheClockMayWander) {
  Estimator e(1, std::nullopt);
  for (int i = 0; i < 100; ++i) e.Add(0, Seen(64 * i, 0));
  const auto track = [&](double later) {
    return e.TrackOf(0, MonoTime(FromSeconds(64 * 99 + later)));
  };
  EXPECT_EQ(track(0).growth, 0);
  EXPECT_GT(track(1000).growth, track(100).growth);
  EXPECT_NEAR(std::hypot(track(0).reach, track(1000).growth), track(1000).reach, 1e-9);
  EXPECT_GT(track(0).reach, 0);
}

TEST(Estimator, ASleepForgetsTheOffsetNotTheFrequency) {
  Estimator e(1, std::nullopt);
  for (int i = 0; i < 100; ++i) e.Add(0, Seen(64 * i, 30e-6 * 64 * i));
  e.ForgetOffset();
  EXPECT_FALSE(e.KnowsOffset());
  e.Add(0, Seen(6500, 1000));
  EXPECT_NEAR(AheadAt(e, 6600), 1000 + 30e-6 * 100, 1e-4);
}

TEST(Estimator, TheFrequencyOfTheLastRunIsWhereItBegins) {
  Estimator e(1, Drift{{-42}, {0.1}});
  e.Add(0, Seen(0, 0));
  EXPECT_NEAR(e.At(MonoTime(FromSeconds(1))).frequency, -42e-6, 1e-9);
  EXPECT_LT(e.At(MonoTime(FromSeconds(1))).frequency_sigma, 1e-6);
}

}  // namespace
}  // namespace fleetsync::ntp
