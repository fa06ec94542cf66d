#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "controller/policy/time_policy.h"
#include "controller/push/push_conversation.h"
#include "controller/ssh/fleet.h"
#include "inventory/inventory.h"

namespace fleetsync::push {

struct HostResult {
  const inventory::Host* host = nullptr;
  PushResult result;
};

struct RolloutOptions {
  PushOptions push;
  ssh::FleetOptions fleet;
  size_t serial = 0;  // clients at a time; 0: all of them at once
  // Clients that go first, and are waited for until they have selected a source; when one of them
  // fails no other is begun.
  size_t canary = 0;
  std::optional<size_t> max_fail;  // when more hosts fail no further batch is begun
};

// How a rollout is going, for a progress line.
struct RolloutWatch {
  std::function<void(const inventory::Host&, ssh::Stage)> on_stage;
  std::function<void(const inventory::Host&, const PushResult&)> on_done;
};

// Policies of all `hosts`, in their order. InvalidArgument with one line for each host whose policy
// is none: then nothing is to be contacted.
StatusOr<std::vector<policy::TimePolicy>> PoliciesFor(
    const inventory::Inventory& inventory, const std::vector<const inventory::Host*>& hosts);

// Relays one by one (all at once when only compared), each serving before the next, then the
// canaries, then the other clients batch by batch. When all relays failed, clients are skipped:
// they would be left with servers that do not serve. `tasks` are in the order of `hosts`, and so
// are the results. Errors are those of ssh::RunFleet.
StatusOr<std::vector<HostResult>> Rollout(const std::vector<const inventory::Host*>& hosts,
                                          const std::vector<HostTask>& tasks,
                                          const RolloutOptions& options, const RolloutWatch& watch,
                                          const std::atomic<bool>& stop);

}  // namespace fleetsync::push
