#include "controller/sync/kernel_clock.h"

#include <sys/timex.h>

namespace fleetsync::sync {

KernelClock ReadKernelClock() {
  timex state{};
  const int result = adjtimex(&state);
  if (result == -1) return {};
  return {.synchronised = result != TIME_ERROR && (state.status & STA_UNSYNC) == 0,
          .max_error = std::chrono::microseconds(state.maxerror)};
}

}  // namespace fleetsync::sync
