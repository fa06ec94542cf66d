#pragma once

#include <string>

#include "agent/daemon/engine_shell.h"
#include "agent/engine/snapshot.h"
#include "base/status.h"

namespace fleetsync::daemon {

// Measures the sources, four requests each, and returns what they say; nothing is set. Takes six
// seconds, and a few more for those that do not answer.
StatusOr<ntp::Snapshot> Query(ShellConfig config);

// The snapshot as a table for people, with the verdict in the last line.
std::string QueryTable(const ntp::Snapshot& snapshot);

// The same for programs: one JSON object, numbers in seconds.
std::string QueryJson(const ntp::Snapshot& snapshot);

}  // namespace fleetsync::daemon
