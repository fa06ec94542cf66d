#pragma once

#include <string>

#include "controller/status/fleet_view.h"

namespace fleetsync::status {

// The headline, the counts and the table, one line a host, then why hosts could not be asked, like
// reasons folded. `color`: with ui::Style codes.
std::string FormatFleet(const FleetView& view, bool color);

// "5 of 6 hosts within 10.0 ms; any two synced hosts agree within 3.20 ms"
std::string Headline(const Summary& summary);

// One JSON document with a last newline; docs/status.md describes it.
std::string FleetJson(const FleetView& view);

}  // namespace fleetsync::status
