#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/engine/config.h"
#include "agent/report/spool_writer.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::daemon {

struct ReportingConfig {
  Duration interval{};
  report::SpoolConfig spool;
  std::vector<std::string> reporter_arguments;  // how this binary is started as the reporter
};

struct TimeLoopConfig {
  ntp::EngineConfig engine;
  uint64_t seed = 0;
  std::optional<ReportingConfig> reporting{};  // none: one process, no file
  std::function<void(const std::string&)> log;
};

// The time process: measures until a stop is requested. The Status says what cannot be worked
// without: no spool folder that can be written, no poll().
Status RunTimeLoop(const TimeLoopConfig& config);

}  // namespace fleetsync::daemon
