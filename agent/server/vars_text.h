#pragma once

#include <string>
#include <string_view>

#include "agent/server/server_vars.h"

namespace fleetsync::server {

// "stratum 3, reference 198.18.1.1, offset +1.2 ms, root distance 3 ms", or "unsynchronised".
std::string VarsText(const ServerVars& vars);

// Where served time is from, for people: the source that is followed, printable, or what carries
// its time on.
std::string SourceText(const ntp::Snapshot& snapshot);
inline constexpr std::string_view kOwnClock = "this machine's own clock, for want of a better one";
inline constexpr std::string_view kNowhere = "nowhere";

}  // namespace fleetsync::server
