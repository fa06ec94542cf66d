#pragma once

#include "agent/engine/action.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync {

// The clock that a program disciplines: the kernel's (SystemClock), or none (a dry run, an
// observer). Called by one thread. Every Status says what the kernel refused and why;
// PermissionDenied is the lack of CAP_SYS_TIME.
class Clock {
 public:
  virtual ~Clock() = default;

  // Adds `offset` at once.
  virtual Status Step(Duration offset) = 0;

  // From now on the clock runs `frequency` faster than CLOCK_MONOTONIC_RAW, within ±100,000 ppm;
  // and the kernel takes `slew` away on its own, a quarter of what is left each second, instead of
  // what was left of the last one. |slew| is at most 500 ms (MAXPHASE of the kernel).
  virtual Status Adjust(Ppm frequency, Duration slew) = 0;

  // Leap flags, error bounds, TAI offset and STA_UNSYNC, for other programs (adjtimex(2)).
  virtual Status SetKernelSync(const ntp::KernelSync& sync) = 0;
};

}  // namespace fleetsync
