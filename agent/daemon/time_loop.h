#pragma once

#include <optional>

#include "agent/daemon/engine_shell.h"
#include "agent/daemon/reporting.h"
#include "agent/daemon/serving.h"
#include "base/status.h"

namespace fleetsync::daemon {

struct TimeLoopConfig {
  ShellConfig shell;
  std::optional<ReportingConfig> reporting{};  // none: one process
  Serving* serving = nullptr;                  // started, outlives the loop; none: nobody is served
};

// The time process: measures until a stop is requested. The Status says what cannot be worked
// without: no spool folder that can be written, no poll().
Status RunTimeLoop(const TimeLoopConfig& config);

}  // namespace fleetsync::daemon
