#include "controller/push/rollout.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "controller/push/confirm_conversation.h"
#include "fmt/format.h"

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
    if (const auto* confirm = dynamic_cast<ConfirmConversation*>(&conversation)) {
      result = confirm->result();
      return;
    }
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

struct Batch {
  Hosts hosts;
  enum class Kind : uint8_t { kRelay, kCanary, kClients } kind = Kind::kClients;
};

void AddBatches(const Hosts& hosts, size_t size, Batch::Kind kind, std::vector<Batch>& batches) {
  for (size_t begin = 0; begin < hosts.size(); begin += size) {
    const auto first = hosts.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto count = static_cast<std::ptrdiff_t>(std::min(size, hosts.size() - begin));
    batches.push_back({Hosts(first, first + count), kind});
  }
}

std::vector<Batch> BatchesOf(const Hosts& hosts, const RolloutOptions& options) {
  std::vector<Batch> batches;
  const Hosts relays = WithRole(hosts, inventory::Role::kRelay);
  Hosts clients = WithRole(hosts, inventory::Role::kClient);
  AddBatches(relays, options.push.check ? std::max<size_t>(relays.size(), 1) : 1,
             Batch::Kind::kRelay, batches);
  const auto canaries = static_cast<std::ptrdiff_t>(std::min(options.canary, clients.size()));
  if (canaries > 0) {
    AddBatches(Hosts(clients.begin(), clients.begin() + canaries), options.canary,
               Batch::Kind::kCanary, batches);
    clients.erase(clients.begin(), clients.begin() + canaries);
  }
  AddBatches(clients, options.serial == 0 ? std::max<size_t>(clients.size(), 1) : options.serial,
             Batch::Kind::kClients, batches);
  return batches;
}

// Why no further batch is to begin; empty when it may.
class Brake {
 public:
  explicit Brake(const RolloutOptions& options) : options_(options) {}

  void OnBatch(const Batch& batch, size_t failed) {
    failed_ += failed;
    if (batch.kind == Batch::Kind::kRelay) {
      relays_ += batch.hosts.size();
      relays_failed_ += failed;
    }
    if (batch.kind == Batch::Kind::kCanary && failed > 0 && why_.empty())
      why_ = fmt::format("{} of {} canaries failed", failed, batch.hosts.size());
    if (options_.max_fail && failed_ > *options_.max_fail && why_.empty())
      why_ = fmt::format("{} {} failed, and --max-fail allows {}", failed_,
                         failed_ == 1 ? "host" : "hosts", *options_.max_fail);
  }

  std::string Why(const Batch& next) const {
    const bool no_relay = relays_ > 0 && relays_failed_ == relays_;
    if (next.kind != Batch::Kind::kRelay && no_relay) return "no relay could be set up";
    return why_;
  }

 private:
  const RolloutOptions& options_;
  size_t failed_ = 0, relays_ = 0, relays_failed_ = 0;
  std::string why_;
};

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

StatusOr<std::vector<HostResult>> Rollout(const Hosts& hosts, const std::vector<HostTask>& tasks,
                                          const RolloutOptions& options, const RolloutWatch& watch,
                                          const std::atomic<bool>& stop) {
  std::vector<HostResult> results;
  std::map<const inventory::Host*, size_t> index_of;
  for (size_t i = 0; i < hosts.size(); ++i) {
    results.push_back({hosts[i], {}});
    results.back().result.why = "stopped before its turn";
    index_of[hosts[i]] = i;
  }
  Collector collector(results, watch);
  Batch::Kind kind = Batch::Kind::kClients;  // of the batch that runs
  const auto make = [&](const inventory::Host& host) -> std::unique_ptr<ssh::Conversation> {
    PushOptions push = options.push;
    push.await_synchronised = push.await_synchronised || kind == Batch::Kind::kCanary;
    return std::make_unique<PushConversation>(tasks[index_of[&host]], push);
  };
  const auto confirm = [&](const inventory::Host& host) -> std::unique_ptr<ssh::Conversation> {
    return std::make_unique<ConfirmConversation>(results[index_of[&host]].result, options.push);
  };
  const auto provisional = [&](const Batch& batch) {
    Hosts unconfirmed;
    for (const inventory::Host* host : batch.hosts)
      if (results[index_of[host]].result.provisional) unconfirmed.push_back(host);
    return unconfirmed;
  };
  Brake brake(options);
  for (const Batch& batch : BatchesOf(hosts, options)) {
    if (stop) break;
    const std::string why = brake.Why(batch);
    if (!why.empty()) {
      for (const inventory::Host* host : batch.hosts) results[index_of[host]].result.why = why;
      continue;
    }
    kind = batch.kind;
    FS_RETURN_IF_ERROR(ssh::RunFleet(batch.hosts, options.fleet, make, collector, stop));
    if (const Hosts unconfirmed = provisional(batch); !unconfirmed.empty())
      FS_RETURN_IF_ERROR(ssh::RunFleet(unconfirmed, options.fleet, confirm, collector, stop));
    const auto failed = [&](const inventory::Host* host) {
      return results[index_of[host]].result.outcome == Outcome::kFailed;
    };
    brake.OnBatch(
        batch, static_cast<size_t>(std::count_if(batch.hosts.begin(), batch.hosts.end(), failed)));
  }
  return results;
}

}  // namespace fleetsync::push
