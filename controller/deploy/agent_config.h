#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "controller/deploy/host_state.h"
#include "controller/plan/plan.h"
#include "inventory/inventory.h"

namespace fleetsync::deploy {

struct ReportSettings {
  std::string controller;  // HOST:PORT; not for hosts that report through SSH
  bool insecure = false;   // without TLS
};

// Of the loopback address of hosts that report through SSH: leads to the controller.
inline constexpr uint16_t kTunnelPort = 7312;

// Who keeps a host's clock.
enum class ClockMode : uint8_t {
  kAuto,     // the agent where the inventory says so or where it does so already
  kKeep,     // the agent
  kObserve,  // what is there; the agent watches
};

// What the agent of one host is to be.
struct AgentWish {
  std::string config;  // /etc/fleetsync/agent.conf
  bool keeps_clock = false;
  std::vector<plan::SetService> rivals = {};  // other keepers of the clock, which give way
  Secret keys = {};                           // /etc/fleetsync/agent.keys; empty: none
};

// The servers that an observing agent on `host` measures: what the inventory gives the host, else
// all relays; on a relay its upstreams, or itself when it has none.
std::vector<std::string> ServersOf(const inventory::Inventory& inventory,
                                   const inventory::Host& host);

// agent.conf of an agent that observes. FailedPrecondition when there is no server to measure;
// InvalidArgument when a name cannot stand in the file.
StatusOr<std::string> RenderAgentConfig(const inventory::Inventory& inventory,
                                        const inventory::Host& host, const ReportSettings& report);

// What the agent of `host`, which is found as `state`, is to be. One that keeps the clock gets the
// file that a push would write. FailedPrecondition, InvalidArgument: what it cannot do of the
// host's policy, or whom it cannot make give way. `read` reads secrets, of the keys that it shares
// with its servers.
StatusOr<AgentWish> WishFor(
    const inventory::Inventory& inventory, const inventory::Host& host, const HostState& state,
    ClockMode mode, const ReportSettings& report,
    const std::function<StatusOr<Secret>(const inventory::SecretSource&)>& read);

}  // namespace fleetsync::deploy
