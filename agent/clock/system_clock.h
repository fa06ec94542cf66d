#pragma once

#include <sys/timex.h>

#include <functional>
#include <optional>

#include "agent/clock/clock.h"
#include "agent/clock/tai_offset.h"

namespace fleetsync {

struct ClockLimits {
  Ppm max_frequency;  // of Adjust; what is beyond is cut off
  Duration max_slew;
};

// The kernel's clock, by clock_adjtime(2). Everything that is a unit, a flag or a limit of the
// kernel is in this file's implementation.
class SystemClock : public Clock {
 public:
  // clock_adjtime(CLOCK_REALTIME, …): at least 0, or -1 and errno.
  using AdjustCall = std::function<int(timex*)>;

  // The machine's own.
  SystemClock();
  // For tests.
  SystemClock(AdjustCall call, std::optional<TaiTable> tai);

  // Once, before anything else: ends what other programs left behind (a slew by adjtime(3), a tick)
  // and learns which flags are not ours. The frequency stays, unless a tick was beside it: then it
  // is what was left of the rate of a quick slew whose program was killed, nobody's frequency, and
  // is 0 from now on. PermissionDenied: nothing was changed.
  Status Reset();

  // Of the clock against CLOCK_MONOTONIC_RAW, as Adjust set it. Needs no privilege.
  StatusOr<Ppm> ReadFrequency() const;

  // Whether the kernel counts the clock as right, whoever keeps it. Needs no privilege.
  StatusOr<bool> IsSynchronised() const;

  static ClockLimits limits();

  Status Step(Duration offset) override;
  Status Adjust(Ppm frequency, Duration slew) override;
  Status SetKernelSync(const ntp::KernelSync& sync) override;

 private:
  Status Call(timex& request, const char* doing);
  int StatusWord() const;
  Status SetTai(SystemTime now);

  AdjustCall call_;
  std::optional<TaiTable> tai_;
  int not_ours_ = 0;               // flags of the status word that others have set
  int sync_flags_;                 // STA_UNSYNC, STA_INS, STA_DEL, as told last
  std::optional<int> kernel_tai_;  // as the kernel has it
};

}  // namespace fleetsync
