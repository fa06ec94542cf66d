#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "controller/deploy/agent_binary.h"
#include "controller/deploy/host_state.h"

namespace fleetsync::deploy {

// What starts the agent on a host.
struct Unit {
  std::string_view path;
  std::string_view text;
  unsigned mode = 0644;
};
Unit UnitFor(facts::Init init);

// What an installation changes on one host: nothing when nothing differs.
struct InstallPlan {
  bool send_binary = false, write_config = false, write_unit = false;
  bool add_user = false, enable = false, start = false, recover = false;

  bool empty() const {
    return !send_binary && !write_config && !write_unit && !add_user && !enable && !start &&
           !recover;
  }
};

// What differs between `state` and this binary and configuration. FailedPrecondition, with what to
// do, when the host cannot take the agent: no root, another CPU, no program for checksums.
StatusOr<InstallPlan> PlanInstall(const HostState& state, const AgentBinary& binary,
                                  std::string_view config);

// Whether there is anything to remove.
bool HasAgent(const HostState& state);

// What install.sh runs with, in front of it.
std::string InstallScriptFor(const InstallPlan& plan, const HostState& state,
                             const AgentBinary& binary, std::string_view config);
// `purge`: also its reports that are not sent yet, its log and its user.
std::string RemoveScriptFor(const HostState& state, bool purge);

// The command whose standard input is a script of `size` bytes and then what the script reads: a
// shell that reads its script from standard input would read too far.
std::string CommandFor(size_t size);

}  // namespace fleetsync::deploy
