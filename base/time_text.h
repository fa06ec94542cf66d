#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "base/time.h"

namespace fleetsync {

// As people read it, three significant digits, always with its unit: "+1.30 ms", "-38.9 ks" never:
// beyond a minute "+2h 03m 05s". `Signed` shows the sign of positive values as well.
std::string FormatDuration(Duration d);
std::string FormatSigned(Duration d);

// "10ms", "250us", "1.5 s", "2m", "1h", "1d"; "0" needs no unit. InvalidArgument says what to
// write.
StatusOr<Duration> ParseDuration(std::string_view text);

// RFC 3339 in UTC, whole seconds: "2026-05-23T11:34:10Z".
std::string FormatTime(SystemTime t);

}  // namespace fleetsync
