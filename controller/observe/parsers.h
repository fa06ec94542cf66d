#pragma once

#include <string_view>
#include <vector>

#include "agent/observe/daemon_state.h"
#include "agent/observe/ntp_variables.h"
#include "agent/observe/text_parsers.h"

namespace fleetsync::observe {

// Each adds to `state` what one program printed, and leaves alone what it did not tell. False: the
// text is no such output (an error message, nothing); `state` is then unchanged. Pure; the bytes
// are a host's and may be anything. Those of programs that the agent asks as well are in
// agent/observe: ParseNtpVariables for `ntpq -c rv`, ParseOpenntpd, ParseTimesyncStatus.

// `chronyc -n -c tracking`, and `chronyc -n tracking` of versions without -c (before 2.4).
// chronyc's offsets of sources and its frequency have the opposite sign of ours; its "System time"
// is positive when slow, as ours.
bool ParseChronyTracking(std::string_view text, DaemonState& state);
// `chronyc -n -c sources` and `chronyc -n sources`. Call it after ParseChronyTracking: offsets
// there are relative to the time that chronyd is still slewing the clock to, ours to the clock as
// it is.
bool ParseChronySources(std::string_view text, DaemonState& state);

// `ntpq -pn`, also with -w, whose long addresses stand on lines of their own.
bool ParseNtpPeers(std::string_view text, DaemonState& state);

// `busybox adjtimex`: what the kernel says, for busybox's ntpd, which cannot be asked itself.
bool ParseAdjtimex(std::string_view text, DaemonState& state);

}  // namespace fleetsync::observe
