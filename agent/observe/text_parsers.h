#pragma once

#include <string_view>

#include "agent/observe/daemon_state.h"

namespace fleetsync::observe {

// Each adds to `state` what one program printed, and leaves alone what it did not tell. False: the
// text is no such output (an error message, nothing); `state` is then unchanged. Pure; the bytes
// are a host's and may be anything.

// `ntpctl -s all`.
bool ParseOpenntpd(std::string_view text, DaemonState& state);

// `timedatectl timesync-status` (systemd 239 and later).
bool ParseTimesyncStatus(std::string_view text, DaemonState& state);
// `timedatectl` alone: whether the kernel calls the clock synchronised.
bool ParseTimedatectl(std::string_view text, DaemonState& state);

}  // namespace fleetsync::observe
