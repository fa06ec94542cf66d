#pragma once

#include "agent/engine/snapshot.h"
#include "base/time.h"

namespace fleetsync::observe {

// After somebody else stepped the clock, what a daemon says of it is from before the step until it
// has polled its source again: until then the truth is within its bound and the step of what it
// says. Not thread-safe.
class Doubt {
 public:
  void OnForeignStep(MonoTime now, Duration step);
  // Widens the bound of what the daemon says while that may be from before a step. The size of the
  // last step then; zero: there is no doubt.
  Duration Widen(ntp::Snapshot& said);

 private:
  MonoTime stepped_{};
  Duration last_{};
  Duration sum_{};  // of all since there was no doubt; zero: there is none
};

}  // namespace fleetsync::observe
