#pragma once

#include "base/time.h"

namespace fleetsync::sync {

// What this machine's kernel says about its own clock (adjtimex(2), read only).
struct KernelClock {
  bool synchronised = false;  // a daemon keeps it: STA_UNSYNC is clear
  Duration max_error{};       // bound that this daemon maintains; 16 s and growing without one
};

KernelClock ReadKernelClock();

}  // namespace fleetsync::sync
