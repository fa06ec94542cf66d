#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/status.h"
#include "controller/deploy/agent_binary.h"
#include "controller/deploy/agent_config.h"
#include "controller/deploy/host_state.h"
#include "controller/deploy/identity.h"

namespace fleetsync::deploy {

// What starts the agent on a host.
struct Unit {
  std::string_view path;
  std::string text;
  unsigned mode = 0644;
};
Unit UnitFor(facts::Init init, bool keeps_clock);

// What an installation changes on one host: nothing when nothing differs.
struct InstallPlan {
  bool send_binary = false, write_config = false, write_unit = false;
  bool write_identity = false, write_keys = false;
  bool add_user = false, add_time_user = false, enable = false, start = false, recover = false;
  bool keeps_clock = false;
  bool observes = false;                      // not for an upgrade, which leaves that as it is
  bool leaves_clock = false;                  // the agent keeps it so far
  std::vector<plan::SetService> rivals = {};  // give way

  bool empty() const {
    return !send_binary && !write_config && !write_unit && !write_identity && !write_keys &&
           !add_user && !add_time_user && !enable && !start && !recover && rivals.empty();
  }
};

// What differs between `state` and this binary and wish. The identity is left as it is.
// FailedPrecondition, with what to do, when the host cannot take the agent: no root, another CPU,
// no program for checksums.
StatusOr<InstallPlan> PlanInstall(const HostState& state, const AgentBinary& binary,
                                  const AgentWish& wish);

// The same of the program and what starts it alone; the host has an agent.
StatusOr<InstallPlan> PlanUpgrade(const HostState& state, const AgentBinary& binary);

// Whether there is anything to remove.
bool HasAgent(const HostState& state);

// install.sh, with what it runs with in front of it.
struct InstallInput {
  std::string script;
  // Read by it from standard input, ahead of the binary: keys and identity.
  Secret secrets = {};
};
InstallInput InstallInputFor(const InstallPlan& plan, const HostState& state,
                             const AgentBinary& binary, const AgentWish& wish,
                             const ca::Identity* identity);
// `purge`: also its identity, its reports that are not sent yet, its log and its users.
std::string RemoveScriptFor(const HostState& state, bool purge);

// The command whose standard input is a script of `size` bytes and then what the script reads: a
// shell that reads its script from standard input would read too far.
std::string CommandFor(size_t size);

}  // namespace fleetsync::deploy
