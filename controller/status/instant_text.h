#pragma once

#include <string_view>

#include "base/status.h"
#include "base/time.h"

namespace fleetsync::status {

// An instant as an operator writes it: "7d" or "90min" is that long before `now`; in UTC
// "2026-05-23", "2026-05-23T11:34", "2026-05-23T11:34:10Z", a blank for the T; "now".
// InvalidArgument says what to write.
StatusOr<SystemTime> ParseInstant(std::string_view text, SystemTime now);

}  // namespace fleetsync::status
