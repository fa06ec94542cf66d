#pragma once

#include <string>

#include "controller/status/fleet_view.h"

namespace fleetsync::status {

// One JSON document with a last newline; docs/status.md describes it.
std::string FleetJson(const FleetView& view);

// One line a host below a heading, RFC 4180 with LF; docs/status.md describes the columns.
std::string FleetCsv(const FleetView& view);

}  // namespace fleetsync::status
