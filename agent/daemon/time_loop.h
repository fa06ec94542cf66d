#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/daemon/engine_shell.h"
#include "agent/daemon/reporter_child.h"
#include "agent/observe/daemon_kind.h"
#include "agent/report/report.h"
#include "agent/report/spool_writer.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::daemon {

struct ReportingConfig {
  Duration interval{};
  report::SpoolConfig spool;
  report::ReportContext context;  // its daemon: while none is observed
  observe::Kind observe = observe::Kind::kNone;
  uint64_t seed = 0;  // of the observer's requests
  std::shared_ptr<ReporterChild> reporter;
};

struct TimeLoopConfig {
  ShellConfig shell;
  std::optional<ReportingConfig> reporting{};  // none: one process
};

// The time process: measures until a stop is requested. The Status says what cannot be worked
// without: no spool folder that can be written, no poll().
Status RunTimeLoop(const TimeLoopConfig& config);

}  // namespace fleetsync::daemon
