#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/time.h"
#include "controller/status/fleet_view.h"

namespace fleetsync::status {

// All that is known of one host: its clock, every source, what happened, how its offset went. Lines
// of at most `columns`. Pure.
std::vector<std::string> HostPage(const HostView& host, SystemTime now, size_t columns, bool color);

}  // namespace fleetsync::status
