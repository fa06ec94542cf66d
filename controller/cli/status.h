#pragma once

#include <memory>
#include <optional>

#include "controller/cli/context.h"
#include "controller/cli/fleet.h"
#include "controller/status/fleet_source.h"
#include "controller/status/fleet_view.h"
#include "controller/status/group_view.h"

namespace fleetsync::cli {

struct StatusOptions {
  bool live = false;
  FleetFlags fleet;
  status::ViewOptions view;
  status::Filter filter;
  std::optional<status::By> by;
  std::optional<Duration> watch;  // how often to look again
};

// Prints `view` as the user asked for it and returns the exit code: what `status` from the store
// and `status --live` have in common.
int ShowFleet(const Context& context, const StatusOptions& options, status::FleetView view);

// Shows what `source` tells until the user leaves, and returns the exit code of the last view.
int WatchFleet(const Context& context, const StatusOptions& options,
               std::unique_ptr<status::FleetSource> source);

// status --live: asks every chosen host over SSH.
int RunLiveStatus(const Context& context, const StatusOptions& options);

}  // namespace fleetsync::cli
