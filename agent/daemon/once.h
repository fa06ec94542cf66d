#pragma once

#include <optional>
#include <string>

#include "agent/clock/clock.h"
#include "agent/daemon/complaint.h"
#include "agent/engine/config.h"
#include "agent/engine/snapshot.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::daemon {

// How an offset is slewed away by Clock::Adjust, which takes half a second at most and cannot take
// back what the kernel already does. A program that is killed meanwhile leaves a clock that runs as
// before.
class SlewPlan {
 public:
  struct Turn {
    std::optional<Duration> slew;  // to be given to the clock now; none: it goes on
    Duration wait;                 // until the next turn
  };
  // What to do when `left` is still missing; none: it is done.
  std::optional<Turn> Next(Duration left);

 private:
  enum class Stage { kFree, kFar, kLast };
  Stage stage_ = Stage::kFree;
};

// Sets the clock once, by what `snapshot` says: steps it by an offset of at least
// engine.step_threshold, slews it by a smaller one and waits until that is done. `frequency`: what
// the clock is adjusted by, and stays so. Aborted: a stop was requested meanwhile;
// DeadlineExceeded: the clock does not follow.
Status SetOnce(const ntp::Snapshot& snapshot, const ntp::EngineConfig& engine, Ppm frequency,
               Clock& clock, const Log& log);

// "stepped by +3.00 s, give or take 80.0 us; server 192.0.2.1"
std::string OnceLine(const ntp::Snapshot& snapshot, const ntp::EngineConfig& engine);

}  // namespace fleetsync::daemon
