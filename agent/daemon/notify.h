#pragma once

#include <string_view>

namespace fleetsync::daemon {

// sd_notify(3) without libsystemd: sends `state` ("READY=1") to $NOTIFY_SOCKET; nothing happens
// when it is not set.
void NotifySystemd(std::string_view state);

}  // namespace fleetsync::daemon
