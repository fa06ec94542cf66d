#pragma once

#include <string>
#include <vector>

#include "controller/status/fleet_view.h"
#include "controller/ui/table.h"

namespace fleetsync::status {

// What the lines of hosts show: ages or, when they were asked just now, daemons and measurements.
struct RowOptions {
  bool live = false;
  bool color = false;
  bool recent = false;    // with a sparkline
  bool measured = false;  // with the controller's own measurement
  bool steady = false;    // columns keep their places while the usual numbers change
};
// As the hosts of a view need it.
RowOptions RowOptionsOf(const FleetView& view, bool color);

std::vector<ui::Column> HostColumns(const RowOptions& options);
std::vector<std::string> HostRow(const HostView& host, const RowOptions& options);

ui::Style StyleOf(State state);

// "✓ synced ▲"
std::string StateText(const HostView& host, bool color);

// "377 ■■■■■■■■", the newest poll at the right; "-" when it is not told.
std::string ReachText(std::optional<uint8_t> reach);

// In the largest whole unit: "now", "12 s", "3 min", "5 h", "2 d".
std::string AgeText(Duration age);

// The recent offsets of a host in `cells` columns, the largest of each; unset where there are none.
std::vector<std::optional<Duration>> RecentOffsets(const HostInput& host, size_t cells);

}  // namespace fleetsync::status
