#include "controller/sync/run.h"

#include <algorithm>
#include <map>
#include <memory>

#include "base/clock_read.h"
#include "controller/sync/diagnose.h"
#include "controller/sync/ntp_query.h"
#include "controller/sync/relay_conversation.h"
#include "controller/sync/servers.h"
#include "controller/sync/sync_conversation.h"
#include "fmt/format.h"

namespace fleetsync::sync {
namespace {

using inventory::Host;

constexpr Duration kDefaultMaxStep = std::chrono::seconds(1000);

std::vector<RelayState> Ask(const std::vector<Server>& servers, const SyncAllOptions& options,
                            const std::atomic<bool>& stop) {
  std::vector<std::string> addresses;
  for (const Server& server : servers) addresses.push_back(server.address);
  std::vector<RelayState> states =
      QueryServers(addresses, NtpQueryOptions{.port = options.ntp_port}, stop);
  for (size_t i = 0; i < states.size(); ++i) states[i].name = servers[i].name;
  return states;
}

// Takes what relays say over SSH in place of those that were silent.
class RelayObserver : public ssh::FleetObserver {
 public:
  RelayObserver(std::map<const Host*, RelayState*> relays, SyncObserver& observer)
      : relays_(std::move(relays)), observer_(observer) {}
  void OnStage(const Host& host, ssh::Stage stage) override {
    observer_.OnStage(host.name, ssh::ToString(stage));
  }
  void OnHostDone(const Host& host, ssh::Conversation& conversation,
                  const ssh::Failure* failure) override {
    auto& relay = dynamic_cast<RelayConversation&>(conversation);
    if (failure != nullptr) relay.OnFailed(*failure);
    *relays_[&host] = relay.relay();
  }

 private:
  std::map<const Host*, RelayState*> relays_;
  SyncObserver& observer_;
};

Status AskOverSsh(const std::vector<Server>& servers, std::vector<RelayState>& states,
                  const SyncAllOptions& options, SyncObserver& observer,
                  const std::atomic<bool>& stop) {
  std::vector<const Host*> hosts;
  std::map<const Host*, RelayState*> silent;
  for (size_t i = 0; i < servers.size(); ++i) {
    if (servers[i].host == nullptr || states[i].kind == RelayState::Kind::kSynchronised ||
        states[i].kind == RelayState::Kind::kUnsynchronised) {
      continue;
    }
    if (silent.emplace(servers[i].host, &states[i]).second) hosts.push_back(servers[i].host);
  }
  if (hosts.empty()) return absl::OkStatus();
  RelayObserver relay_observer(silent, observer);
  return ssh::RunFleet(
      hosts, options.fleet,
      [&](const Host& host) {
        return std::make_unique<RelayConversation>(*silent[&host], options.timeout);
      },
      relay_observer, stop);
}

Duration NarrowestTolerance(const std::vector<Assignment>& assignments) {
  Duration narrowest = Duration::max();
  for (const Assignment& assignment : assignments) {
    narrowest = std::min(narrowest, assignment.host->time.tolerance);
  }
  return assignments.empty() ? inventory::TimeSettings{}.tolerance : narrowest;
}

// Runs the hosts, batch by batch.
class Run : public ssh::FleetObserver {
 public:
  Run(const SyncAllOptions& options, SyncObserver& observer, SyncAllReport& report,
      const std::vector<Assignment>& assignments)
      : options_(options), observer_(observer), report_(report) {
    report_.hosts.resize(assignments.size());
    for (size_t i = 0; i < assignments.size(); ++i) Prepare(assignments[i], report_.hosts[i]);
  }

  Status InBatches(size_t size, const std::atomic<bool>& stop) {
    for (size_t at = 0; at < pending_.size() && !stop; at += size) {
      const size_t end = std::min(at + size, pending_.size());
      const std::vector<const Host*> batch(pending_.begin() + static_cast<ptrdiff_t>(at),
                                           pending_.begin() + static_cast<ptrdiff_t>(end));
      FS_RETURN_IF_ERROR(ssh::RunFleet(
          WithoutAgents(batch), options_.fleet, [this](const Host& host) { return Make(host); },
          *this, stop));
      if (end < pending_.size() && Bad() > options_.max_fail) {
        report_.stopped = true;
        return absl::OkStatus();
      }
    }
    return absl::OkStatus();
  }

  void OnStage(const Host& host, ssh::Stage stage) override {
    observer_.OnStage(host.name, ssh::ToString(stage));
  }
  void OnHostDone(const Host& host, ssh::Conversation& conversation,
                  const ssh::Failure* failure) override {
    auto& sync = dynamic_cast<SyncConversation&>(conversation);
    HostResult& result = *results_[&host];
    result = sync.result();
    if (failure != nullptr && !result.failure) {
      sync.OnFailed(*failure);
      result = sync.result();
    }
    observer_.OnHostDone(result);
  }

 private:
  struct Job {
    std::vector<std::string> servers;
  };

  void Prepare(const Assignment& assignment, HostResult& result) {
    result.host = assignment.host->name;
    result.tolerance = assignment.host->time.tolerance;
    if (assignment.is_reference) {
      result.outcome = Outcome::kReference;
      result.detail = "others are set by it";
      return;
    }
    Job& job = jobs_[assignment.host];
    for (const Server& server : assignment.servers) {
      if (IsSynchronisedOrUnknown(server)) job.servers.push_back(server.address);
    }
    if (job.servers.empty() && !options_.over_ssh) {
      result.outcome = Outcome::kFailed;
      result.detail = assignment.servers.empty()
                          ? "no NTP server is named for it: give it time.servers, give a host the "
                            "role relay, or use --relay or --over-ssh"
                          : "none of its servers is synchronised";
      return;
    }
    results_[assignment.host] = &result;
    pending_.push_back(assignment.host);
  }

  // A server that is silent here may answer the host; one that is not synchronised sets no clock.
  bool IsSynchronisedOrUnknown(const Server& server) const {
    return std::none_of(report_.relays.begin(), report_.relays.end(), [&](const RelayState& relay) {
      return relay.address == server.address && relay.kind == RelayState::Kind::kUnsynchronised;
    });
  }

  // Those that SSH has to set, once the agents of the others have done so.
  std::vector<const Host*> WithoutAgents(const std::vector<const Host*>& batch) {
    // An agent knows its own servers alone, and sets by what it believes or not at all.
    if (options_.agents == nullptr || options_.dry_run || options_.over_ssh ||
        !options_.relays.empty()) {
      return batch;
    }
    std::map<AgentLimits, std::vector<std::string>> alike;
    std::map<std::string, const Host*> by_name;
    for (const Host* host : batch) {
      alike[LimitsOf(PolicyOf(*host))].push_back(host->name);
      by_name[host->name] = host;
    }
    for (const auto& [limits, names] : alike) {
      const Status asked = options_.agents->SyncNow(
          names, limits, [&](const std::string& name, const AgentAnswer& answer) {
            OnAgentAnswer(by_name, name, answer);
          });
      if (!asked.ok()) Warn("asking the agents: " + Message(asked) + "; setting over SSH");
    }
    std::vector<const Host*> left;
    for (const Host* host : batch)
      if (by_name.contains(host->name)) left.push_back(host);
    return left;
  }

  // Hosts that are done leave `waiting`.
  void OnAgentAnswer(std::map<std::string, const Host*>& waiting, const std::string& name,
                     const AgentAnswer& answer) {
    const auto it = waiting.find(name);
    if (it == waiting.end()) return;
    HostResult& result = *results_[it->second];
    const std::optional<HostResult> done = FromAgent(result, answer, PolicyOf(*it->second));
    if (!done) return;
    result = *done;
    waiting.erase(it);
    observer_.OnHostDone(result);
  }

  void Warn(const std::string& text) {
    report_.warnings.push_back(text);
    observer_.OnWarning(text);
  }

  StepPolicy PolicyOf(const Host& host) const {
    return {.tolerance = host.time.tolerance,
            .max_step = options_.max_step.value_or(host.time.max_step.value_or(kDefaultMaxStep)),
            .allow_backward = options_.allow_backward,
            .forbid_backward = !host.time.allow_backward,
            .force = options_.force};
  }

  std::unique_ptr<ssh::Conversation> Make(const Host& host) {
    SyncRequest request;
    request.host = host.name;
    request.servers = jobs_[&host].servers;
    request.policy = PolicyOf(host);
    request.dry_run = options_.dry_run;
    request.over_ssh = options_.over_ssh;
    request.deadline = options_.timeout;
    return std::make_unique<SyncConversation>(std::move(request), report_.reference);
  }

  size_t Bad() const {
    return static_cast<size_t>(
        std::count_if(report_.hosts.begin(), report_.hosts.end(), [](const HostResult& result) {
          return result.outcome == Outcome::kFailed ||
                 (result.outcome == Outcome::kSet && result.OutOfTolerance());
        }));
  }

  const SyncAllOptions& options_;
  SyncObserver& observer_;
  SyncAllReport& report_;
  std::map<const Host*, Job> jobs_;
  std::map<const Host*, HostResult*> results_;
  std::vector<const Host*> pending_;
};

void TellApart(SyncAllReport& report, const std::vector<Server>& servers,
               const SyncAllOptions& options, const std::atomic<bool>& stop) {
  const auto unheard = [](const HostResult& result) { return result.no_server; };
  if (std::none_of(report.hosts.begin(), report.hosts.end(), unheard)) return;
  // Asked again: a relay may have gone while the run was on.
  const std::vector<RelayState> now = Ask(servers, options, stop);
  for (HostResult& result : report.hosts) {
    if (result.no_server) result.detail = DiagnoseNoServer(result, now);
  }
}

}  // namespace

StatusOr<SyncAllReport> RunSyncAll(const inventory::Inventory& inventory,
                                   const std::vector<const Host*>& hosts,
                                   const SyncAllOptions& options, SyncObserver& observer,
                                   const std::atomic<bool>& stop) {
  FS_ASSIGN_OR_RETURN(const size_t batch, ParseSerial(options.serial, hosts.size()));
  const std::vector<Assignment> assignments = AssignServers(inventory, hosts, options.relays);
  const std::vector<Server> servers = DistinctServers(assignments);
  if (servers.empty() && !options.over_ssh) {
    return absl::InvalidArgumentError(
        "no NTP server to set clocks from is named: give a host the role relay, give hosts "
        "time.servers, name one with --relay, or set by this machine's clock with --over-ssh");
  }
  SyncAllReport report;
  report.relays = Ask(servers, options, stop);
  FS_RETURN_IF_ERROR(AskOverSsh(servers, report.relays, options, observer, stop));
  if (stop) {
    for (const Assignment& assignment : assignments) {
      report.hosts.emplace_back().host = assignment.host->name;
    }
    report.interrupted = true;
    return report;
  }
  FS_ASSIGN_OR_RETURN(Judgement judgement,
                      Judge(ReadKernelClock(), report.relays,
                            {.tolerance = NarrowestTolerance(assignments),
                             .trust_controller_clock = options.trust_controller_clock},
                            ReadClocks()));
  report.reference = std::move(judgement.reference);
  report.warnings = std::move(judgement.warnings);
  for (const std::string& warning : report.warnings) observer.OnWarning(warning);
  Run run(options, observer, report, assignments);
  FS_RETURN_IF_ERROR(run.InBatches(batch, stop));
  report.interrupted = stop;
  if (!stop) TellApart(report, servers, options, stop);
  return report;
}

}  // namespace fleetsync::sync
