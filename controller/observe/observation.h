#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/observe/daemon_state.h"
#include "base/status.h"

namespace fleetsync::observe {

// What was read of one host.
struct Observation {
  DaemonState state;                // of the daemon that is taken to own the clock
  std::vector<std::string> others;  // further time daemons that run beside it: a conflict
};

// The POSIX sh script that asks a host's time daemons, for `sh -s` on standard input.
std::string_view ObserveScript();

// The script's output. DataLoss when it is cut off or was not made by the script (a login shell's
// banner before it is skipped). A daemon that does not answer is no error: see DaemonState.
StatusOr<Observation> ParseObservation(std::string_view output);

}  // namespace fleetsync::observe
