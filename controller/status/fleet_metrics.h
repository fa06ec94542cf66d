#pragma once

#include <string>

#include "controller/status/fleet_view.h"

namespace fleetsync::status {

// OpenMetrics text that Prometheus and the text file collector of node_exporter take as well;
// docs/status.md lists the metrics. Seconds and ratios, as they are usual there.
std::string FleetMetrics(const FleetView& view);

}  // namespace fleetsync::status
