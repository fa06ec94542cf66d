#pragma once

#include <map>
#include <string_view>

#include "agent/observe/daemon_state.h"

namespace fleetsync::observe {

// name=value, name="value, with commas": control messages' text form, as ntpq prints it. Names
// without a value are left out. What is returned points into `text`.
std::map<std::string_view, std::string_view> NtpVariables(std::string_view text);

// Adds to `state` what ntpd's system variables say, from 4.2.0 on, and ntpsec's. False: the text
// has none; `state` is then unchanged. Pure; the bytes are from outside and may be anything.
bool ParseNtpVariables(std::string_view text, DaemonState& state);

}  // namespace fleetsync::observe
