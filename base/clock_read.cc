#include "base/clock_read.h"

#include <time.h>

namespace fleetsync {
namespace {

// Two readings of one clock around the other one, where nobody came between.
constexpr Duration kUndisturbed = std::chrono::microseconds(1);
constexpr int kTries = 5;  // where a reading is a system call, none is that quick

Duration Read(clockid_t clock) {
  timespec ts{};
  clock_gettime(clock, &ts);  // cannot fail for these clocks
  return std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec);
}

}  // namespace

Now ReadTogether(const ClockReaders& clocks) {
  Now best{};
  Duration best_width = Duration::max();
  MonoTime before = clocks.raw();
  for (int i = 0; i < kTries && best_width > kUndisturbed; ++i) {
    const SystemTime system = clocks.system();
    const MonoTime after = clocks.raw();
    if (const Duration width = after - before; width < best_width) {
      best = {before + width / 2, system};
      best_width = width;
    }
    before = after;
  }
  return best;
}

Now ReadClocks() {
  return ReadTogether({[] { return MonoTime(Read(CLOCK_MONOTONIC_RAW)); }, ReadSystemClock});
}

Duration ReadTimeAsleep() { return Read(CLOCK_BOOTTIME) - Read(CLOCK_MONOTONIC); }

SystemTime ReadSystemClock() { return SystemTime(Read(CLOCK_REALTIME)); }

}  // namespace fleetsync
