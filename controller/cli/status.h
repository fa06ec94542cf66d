#pragma once

#include "controller/cli/context.h"
#include "controller/status/fleet_view.h"

namespace fleetsync::cli {

struct StatusOptions {
  bool live = false;
  status::ViewOptions view;
};

// Prints `view` as the user asked for it and returns the exit code: what `status` from the store
// and `status --live` have in common.
int ShowFleet(const Context& context, const status::FleetView& view);

// status --live: asks every chosen host over SSH.
int RunLiveStatus(const Context& context, const StatusOptions& options);

}  // namespace fleetsync::cli
