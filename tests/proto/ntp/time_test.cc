#include "proto/ntp/time.h"

#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace fleetsync::ntp {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr SystemTime At(int64_t unix_seconds, int64_t nanos = 0) {
  return SystemTime(seconds(unix_seconds) + Duration(nanos));
}

TEST(Timestamp, The1970EpochIs2208988800SecondsAfter1900) {
  EXPECT_EQ(ToTimestamp(At(0)).bits, 2208988800ULL << 32);
}

TEST(Timestamp, HalfASecondIsTheTopBitOfTheFraction) {
  EXPECT_EQ(ToTimestamp(At(0, 500'000'000)).bits, (2208988800ULL << 32) | 0x80000000);
}

TEST(Timestamp, TheFractionIsRoundedToTheNearestUnit) {
  EXPECT_EQ(ToTimestamp(At(0, 3)).bits & 0xffffffff, 13u);  // 12.88
  EXPECT_EQ(ToTimestamp(At(0, 1)).bits & 0xffffffff, 4u);   // 4.29
}

TEST(Timestamp, Era1BeginsOn7February2036) {
  EXPECT_EQ(ToTimestamp(At(2085978496)).bits, 0u);  // 2036-02-07T06:28:16Z
  EXPECT_EQ(ToTimestamp(At(2085978495)).bits, 0xffffffffULL << 32);
}

TEST(Timestamp, EveryNanosecondSurvivesTheRoundTrip) {
  for (int64_t nanos = 0; nanos < 1'000'000'000; nanos += 999'983) {
    for (const int64_t second : {int64_t{-5}, int64_t{1'779'535'970}, int64_t{4'000'000'000}}) {
      const SystemTime t = At(second, nanos);
      EXPECT_EQ(ToSystemTime(ToTimestamp(t), t), t);
    }
  }
}

TEST(Timestamp, IsReadInTheEraThatIsNearestToTheLocalClock) {
  const SystemTime after_2036 = At(2'100'000'000, 7);
  // A clock that starts in 1975 still reads it right: it is less than 68 years away.
  EXPECT_EQ(ToSystemTime(ToTimestamp(after_2036), At(157'766'400)), after_2036);
  EXPECT_EQ(ToSystemTime(ToTimestamp(after_2036), At(4'000'000'000)), after_2036);
}

TEST(Timestamp, DifferencesAreRightAcrossTheEndOfAnEra) {
  const Timestamp before = ToTimestamp(At(2085978495, 750'000'000));
  const Timestamp after = ToTimestamp(At(2085978496, 250'000'000));
  EXPECT_EQ(after - before, milliseconds(500));
  EXPECT_EQ(before - after, -milliseconds(500));
}

TEST(Timestamp, EveryNanosecondSurvivesTheEndOfAnEra) {
  for (int64_t nanos = -1000; nanos <= 1000; ++nanos) {
    const SystemTime t = At(2085978496) + Duration(nanos);
    EXPECT_EQ(ToSystemTime(ToTimestamp(t), At(2085978496)), t) << nanos;
    EXPECT_EQ(ToTimestamp(t) - ToTimestamp(At(2085978496)), Duration(nanos)) << nanos;
  }
}

TEST(Timestamp, IsReadUpTo68YearsFromTheLocalClockEitherWay) {
  constexpr int64_t kHalfAnEra = 1LL << 31;
  for (const int64_t clock : {int64_t{0}, int64_t{1'779'535'970}, int64_t{2'085'978'496}}) {
    for (const int64_t away : {-kHalfAnEra, -kHalfAnEra + 1, int64_t{0}, kHalfAnEra - 1}) {
      const SystemTime t = At(clock + away);
      EXPECT_EQ(ToSystemTime(ToTimestamp(t), At(clock)), t) << clock << " " << away;
    }
    // One second further it is the same second of the era before.
    EXPECT_EQ(ToSystemTime(ToTimestamp(At(clock + kHalfAnEra)), At(clock)), At(clock - kHalfAnEra));
  }
}

TEST(Timestamp, DifferencesOfHalfAnEraKeepTheirSize) {
  const Timestamp zero{};
  EXPECT_EQ((Timestamp{0x7fffffffULL << 32} - zero), seconds(0x7fffffff));
  EXPECT_EQ((Timestamp{0x80000000ULL << 32} - zero), -seconds(0x80000000));
}

TEST(Short, OneSecondIs0x10000) {
  EXPECT_EQ(FromShort(0x10000), seconds(1));
  EXPECT_EQ(ToShort(seconds(1)), 0x10000u);
}

TEST(Short, ABoundIsRoundedUp) {
  EXPECT_EQ(ToShort(Duration(1)), 1u);
  EXPECT_EQ(ToShort(FromShort(1) + Duration(1)), 2u);
  EXPECT_GE(FromShort(ToShort(milliseconds(1))), milliseconds(1));
}

TEST(Short, WhatDoesNotFitIsTheNearestThatDoes) {
  EXPECT_EQ(ToShort(Duration(-1)), 0u);
  EXPECT_EQ(ToShort(hours(1000)), std::numeric_limits<uint32_t>::max());
}

TEST(Short, IsExactUpToItsLargestValue) {
  constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
  EXPECT_EQ(FromShort(kMost), seconds(65536) - Duration(15'259));
  EXPECT_EQ(ToShort(FromShort(kMost) - Duration(1)), kMost);
  EXPECT_EQ(ToShort(FromShort(kMost - 1)), kMost - 1);
  EXPECT_EQ(ToShort(seconds(65536)), kMost);
  EXPECT_EQ(ToShort(Duration::max()), kMost);
  EXPECT_EQ(ToShort(Duration::min()), 0u);
}

TEST(Short, EveryWireValueSurvivesTheRoundTrip) {
  for (uint64_t wire = 0; wire <= 0xffffffff; wire += 65'521) {
    EXPECT_EQ(ToShort(FromShort(static_cast<uint32_t>(wire))), wire);
  }
}

TEST(Log2, OfTheWholeRangeOfTheFieldIsPositiveAndFinite) {
  EXPECT_EQ(FromLog2(0), seconds(1));
  EXPECT_EQ(FromLog2(6), seconds(64));
  EXPECT_EQ(FromLog2(-1), milliseconds(500));
  EXPECT_EQ(FromLog2(-20), Duration(953));
  EXPECT_EQ(FromLog2(-128), Duration(1));
  EXPECT_EQ(FromLog2(127), FromLog2(32));
}

}  // namespace
}  // namespace fleetsync::ntp
