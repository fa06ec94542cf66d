#include "controller/push/rollout.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace fleetsync::push {
namespace {

using Hosts = std::vector<const inventory::Host*>;

class Collector : public ssh::FleetObserver {
 public:
  Collector(std::vector<HostResult>& results, const RolloutWatch& watch) : watch_(watch) {
    for (HostResult& result : results) by_host_[result.host] = &result.result;
  }
  void OnStage(const inventory::Host& host, ssh::Stage stage) override {
    if (watch_.on_stage) watch_.on_stage(host, stage);
  }
  void OnHostDone(const inventory::Host& host, ssh::Conversation& conversation,
                  const ssh::Failure*) override {
    PushResult& result = *by_host_[&host];
    // A failure of the connection has reached the conversation as well.
    result = dynamic_cast<PushConversation&>(conversation).result();
    if (watch_.on_done) watch_.on_done(host, result);
  }

 private:
  const RolloutWatch& watch_;
  std::map<const inventory::Host*, PushResult*> by_host_;
};

// Hosts of one role, in their order.
Hosts WithRole(const Hosts& hosts, inventory::Role role) {
  Hosts chosen;
  for (const inventory::Host* host : hosts)
    if (host->role == role) chosen.push_back(host);
  return chosen;
}

bool AllFailed(const std::vector<HostResult>& results, const Hosts& hosts) {
  return !hosts.empty() && std::all_of(results.begin(), results.end(), [](const HostResult& r) {
    return r.host->role != inventory::Role::kRelay || r.result.outcome == Outcome::kFailed;
  });
}

}  // namespace

StatusOr<std::vector<policy::TimePolicy>> PoliciesFor(const inventory::Inventory& inventory,
                                                      const Hosts& hosts) {
  std::vector<policy::TimePolicy> policies;
  std::string errors;
  for (const inventory::Host* host : hosts) {
    StatusOr<policy::TimePolicy> policy = policy::FromInventory(inventory, *host);
    if (policy.ok()) {
      policies.push_back(*std::move(policy));
    } else {
      errors += (errors.empty() ? "" : "\n") + Message(policy.status());
    }
  }
  if (!errors.empty()) return absl::InvalidArgumentError(errors);
  return policies;
}

StatusOr<std::vector<HostResult>> Rollout(const Hosts& hosts,
                                          const std::vector<policy::TimePolicy>& policies,
                                          const RolloutOptions& options, const RolloutWatch& watch,
                                          const std::atomic<bool>& stop) {
  std::vector<HostResult> results;
  std::map<const inventory::Host*, const policy::TimePolicy*> policy_of;
  for (size_t i = 0; i < hosts.size(); ++i) {
    results.push_back({hosts[i], {}});
    results.back().result.why = "stopped before its turn";
    policy_of[hosts[i]] = &policies[i];
  }
  Collector collector(results, watch);
  const auto make = [&](const inventory::Host& host) -> std::unique_ptr<ssh::Conversation> {
    return std::make_unique<PushConversation>(*policy_of[&host], options.push);
  };
  const Hosts relays = WithRole(hosts, inventory::Role::kRelay);
  const Hosts clients = WithRole(hosts, inventory::Role::kClient);
  if (!relays.empty())
    FS_RETURN_IF_ERROR(ssh::RunFleet(relays, options.fleet, make, collector, stop));
  if (AllFailed(results, relays)) {
    for (HostResult& result : results)
      if (result.host->role == inventory::Role::kClient)
        result.result.why = "no relay could be set up";
    return results;
  }
  const size_t batch = options.serial == 0 ? std::max<size_t>(clients.size(), 1) : options.serial;
  for (size_t begin = 0; begin < clients.size() && !stop; begin += batch) {
    const size_t end = std::min(begin + batch, clients.size());
    const Hosts some(clients.begin() + static_cast<std::ptrdiff_t>(begin),
                     clients.begin() + static_cast<std::ptrdiff_t>(end));
    FS_RETURN_IF_ERROR(ssh::RunFleet(some, options.fleet, make, collector, stop));
  }
  return results;
}

}  // namespace fleetsync::push
