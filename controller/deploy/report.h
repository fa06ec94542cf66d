#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/time.h"
#include "controller/deploy/agent_conversation.h"
#include "controller/deploy/host_state.h"

namespace fleetsync::deploy {

// One host after a run.
struct HostReport {
  std::string host;
  Outcome outcome;
  std::optional<HostState> state;  // before the run; unset when it could not be read
  std::optional<SystemTime> last_heard = std::nullopt;  // by `fleetsync serve`, when it ever was
};

// "web[01-38]: installed: user, binary, config, unit, enabled, started", hosts with the same
// outcome together, what failed last; then warnings.
std::string ReportText(std::span<const HostReport> reports);
std::string ReportJson(std::span<const HostReport> reports);

// `agent status`: a line a host.
std::string StatusTable(std::span<const HostReport> reports, SystemTime now);
std::string StatusJson(std::span<const HostReport> reports);

// The agent is there and runs.
bool RunsWell(const HostReport& report);

}  // namespace fleetsync::deploy
