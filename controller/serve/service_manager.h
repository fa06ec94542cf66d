#pragma once

#include <string_view>

#include "base/status.h"

namespace fleetsync::serve {

// Tells systemd ("READY=1", "STOPPING=1"; sd_notify(3)) through $NOTIFY_SOCKET. Does nothing when
// nobody listens.
Status NotifyServiceManager(std::string_view state);

}  // namespace fleetsync::serve
