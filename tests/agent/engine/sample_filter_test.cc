#include "agent/engine/sample_filter.h"

#include "gtest/gtest.h"

namespace fleetsync::ntp {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Of a clock that nobody moves: both timelines advance together.
Now At(int second) { return {MonoTime(seconds(second)), SystemTime(seconds(1'000'000 + second))}; }

Sample Measured(int second, Duration offset, Duration delay) {
  return {.at = At(second), .offset = offset, .delay = delay, .dispersion = microseconds(1)};
}

TEST(SampleFilter, TheSampleWithTheShortestDelayIsBelieved) {
  SampleFilter filter;
  filter.Add(Measured(0, milliseconds(1), milliseconds(2)));
  filter.Add(Measured(2, milliseconds(40), milliseconds(80)));
  const auto e = filter.At(At(3));
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->delay, milliseconds(2));
  EXPECT_NEAR(ToSeconds(e->offset), 0.001, 0.001);
}

TEST(SampleFilter, AnOldSampleLosesToALaterOneOnceTheClockMayHaveDriftedFurther) {
  SampleFilter filter;
  filter.Add(Measured(0, Duration(0), milliseconds(2)));
  filter.Add(Measured(100, Duration(0), milliseconds(3)));
  EXPECT_EQ(filter.At(At(101))->delay, milliseconds(3));
}

TEST(SampleFilter, TheNinthSampleReplacesTheFirst) {
  SampleFilter filter;
  filter.Add(Measured(0, milliseconds(500), microseconds(1)));
  for (int i = 1; i <= 8; ++i) filter.Add(Measured(i, Duration(0), milliseconds(10)));
  EXPECT_LT(Abs(filter.At(At(9))->offset), milliseconds(10));
}

TEST(SampleFilter, ADriftSeenInTheSamplesIsCarriedForward) {
  SampleFilter filter;  // 100 ppm
  for (int i = 0; i < 8; ++i) {
    filter.Add(Measured(64 * i, microseconds(6400 * i), microseconds(100)));
  }
  const auto e = filter.At(At(64 * 8));
  EXPECT_NEAR(ToSeconds(e->offset), 0.0512, 0.00002);
  EXPECT_LT(e->error_bound, milliseconds(2));
  EXPECT_LT(e->jitter, microseconds(1));
}

TEST(SampleFilter, TheBoundGrowsWithAge) {
  SampleFilter filter;
  filter.Add(Measured(0, Duration(0), milliseconds(1)));
  const Duration young = filter.At(At(1))->error_bound;
  EXPECT_EQ(filter.At(At(3))->error_bound - young, milliseconds(1));  // 500 ppm: nothing is known
}

TEST(SampleFilter, TheServersDistanceIsInTheBoundAndNotInTheDelay) {
  SampleFilter filter;
  Sample sample = Measured(0, Duration(0), milliseconds(2));
  sample.root_delay = milliseconds(10);
  sample.root_dispersion = milliseconds(3);
  filter.Add(sample);
  const auto e = filter.At(At(0));
  EXPECT_EQ(e->error_bound, milliseconds(9) + microseconds(1));
  EXPECT_EQ(e->delay, milliseconds(2));
  EXPECT_EQ(e->root_delay, milliseconds(10));
}

TEST(SampleFilter, WhatAnotherProgramDoesToTheClockMovesTheOffset) {
  SampleFilter filter;
  filter.Add(Measured(0, milliseconds(100), milliseconds(1)));
  Now later = At(1);
  later.system += milliseconds(100);
  EXPECT_EQ(filter.At(later)->offset, Duration(0));
}

}  // namespace
}  // namespace fleetsync::ntp
