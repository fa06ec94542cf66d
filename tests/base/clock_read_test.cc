#include "base/clock_read.h"

#include <gtest/gtest.h>

namespace fleetsync {
namespace {

using std::chrono::nanoseconds;

// A machine where each reading takes as long as the script says; both clocks show the same.
struct Machine {
  int64_t now_ns = 0;
  std::vector<int64_t> costs_ns;  // of the readings; the last one counts on
  size_t readings = 0;

  Duration Read() {
    now_ns += costs_ns[std::min(readings, costs_ns.size() - 1)];
    ++readings;
    return nanoseconds(now_ns);
  }
};
Machine machine;  // function pointers have no state of their own

Now ReadMachine(std::vector<int64_t> costs_ns) {
  machine = {.now_ns = 0, .costs_ns = std::move(costs_ns), .readings = 0};
  return ReadTogether(
      {[] { return MonoTime(machine.Read()); }, [] { return SystemTime(machine.Read()); }});
}

TEST(ReadTogether, TheRawClockIsReadOnBothSidesAndTheMiddleTaken) {
  const Now now = ReadMachine({0, 100, 300});
  EXPECT_EQ(machine.readings, 3u);
  EXPECT_EQ(now.system.time_since_epoch(), nanoseconds(100));
  EXPECT_EQ(now.mono.time_since_epoch(), nanoseconds(200));
}

TEST(ReadTogether, WhenItWasInterruptedItReadsAgain) {
  const Now now = ReadMachine({0, 100, 5'000'000, 200, 200});
  EXPECT_EQ(machine.readings, 5u);
  EXPECT_EQ(now.system.time_since_epoch(), nanoseconds(5'000'300));
  EXPECT_EQ(now.mono.time_since_epoch(), nanoseconds(5'000'300));
}

TEST(ReadTogether, OfReadingsThatAreAllSlowTheNarrowestCounts) {
  const Now now = ReadMachine({0, 9000, 9000, 8000, 8000, 3000, 3000, 9000});
  EXPECT_EQ(machine.readings, 11u) << "the tries are bounded";
  EXPECT_EQ(now.system.time_since_epoch(), nanoseconds(37'000));
  EXPECT_EQ(now.mono.time_since_epoch(), nanoseconds(37'000));
}

TEST(ReadClocks, BothClocksGoOn) {
  const Now first = ReadClocks();
  const Now second = ReadClocks();
  EXPECT_GE(second.mono, first.mono);
  EXPECT_GT(first.system.time_since_epoch(), std::chrono::hours(24 * 365 * 50));
}

}  // namespace
}  // namespace fleetsync
