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

// What Clock::Adjust is given each second while `left` is missing, and none when it is done. The
// kernel takes a quarter of it in the second that follows, whatever it is given meanwhile; asked
// again with what is left then, it never overshoots. A program that is killed meanwhile leaves a
// clock that runs as before.
std::optional<Duration> SlewForTheNextSecond(Duration left);

// Sets the clock once, by what `snapshot` says: steps it by an offset of at least
// engine.step_threshold, slews it by a smaller one and waits until that is done. `frequency`: what
// the clock is adjusted by, and stays so. Aborted: a stop was requested meanwhile;
// DeadlineExceeded: the clock does not follow.
Status SetOnce(const ntp::Snapshot& snapshot, const ntp::EngineConfig& engine, Ppm frequency,
               Clock& clock, const Log& log);

// "stepped by +3.00 s, give or take 80.0 us; server 192.0.2.1"
std::string OnceLine(const ntp::Snapshot& snapshot, const ntp::EngineConfig& engine);

}  // namespace fleetsync::daemon
