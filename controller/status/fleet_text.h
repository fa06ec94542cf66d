#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "controller/status/fleet_view.h"
#include "controller/status/group_view.h"

namespace fleetsync::status {

struct TextOptions {
  bool color = false;
  size_t width = 0;   // of the terminal: columns are left out to fit; 0: all of them
  bool fold = false;  // hosts of which nothing is known but the same state share a line
  std::optional<By> by = std::nullopt;  // a line a group instead of a line a host
};

// The headline, the counts, the table, what its marks mean, then why hosts could not be asked, like
// reasons folded. In Unicode; ui::ToAscii makes ASCII of it.
std::string FormatFleet(const FleetView& view, const TextOptions& options);

// "5 of 6 hosts within 10.0 ms; any two synced hosts agree within 3.20 ms"
std::string Headline(const Summary& summary);

// What stands above the table, a line each: the headline, the counts, the percentiles.
std::vector<std::string> HeaderLines(const FleetView& view, bool color);

// What the marks mean that some host has; empty when none has.
std::string LegendLine(const FleetView& view);

}  // namespace fleetsync::status
