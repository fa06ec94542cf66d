#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "base/time.h"

namespace fleetsync::serve {

// Tells systemd ("READY=1", "STOPPING=1"; sd_notify(3)) through $NOTIFY_SOCKET. Does nothing when
// nobody listens.
Status NotifyServiceManager(std::string_view state);

// How often the service manager wants to hear "WATCHDOG=1" (sd_watchdog_enabled(3)); zero: it does
// not.
Duration WatchdogInterval();

// "RELOADING=1" with the time that systemd wants beside it; READY=1 ends it.
std::string ReloadingState();

}  // namespace fleetsync::serve
