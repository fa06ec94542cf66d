#pragma once

#include "agent/clock/clock.h"

namespace fleetsync {

// A clock that is left alone, as by `chronyd -x`: every change succeeds and does nothing.
class NullClock : public Clock {
 public:
  Status Step(Duration /*offset*/) override { return absl::OkStatus(); }
  Status Adjust(Ppm /*frequency*/, Duration /*slew*/) override { return absl::OkStatus(); }
  Status SetKernelSync(const ntp::KernelSync& /*sync*/) override { return absl::OkStatus(); }
};

}  // namespace fleetsync
