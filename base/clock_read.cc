#include "base/clock_read.h"

#include <time.h>

namespace fleetsync {
namespace {

Duration Read(clockid_t clock) {
  timespec ts{};
  clock_gettime(clock, &ts);  // cannot fail for these two clocks
  return std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec);
}

}  // namespace

Now ReadClocks() {
  return {MonoTime(Read(CLOCK_MONOTONIC_RAW)), SystemTime(Read(CLOCK_REALTIME))};
}

}  // namespace fleetsync
