#include "controller/cli/live_hosts.h"

#include <algorithm>
#include <map>
#include <memory>

#include "base/clock_read.h"
#include "base/text.h"
#include "controller/observe/assess.h"
#include "controller/observe/live_conversation.h"
#include "controller/status/event.h"
#include "controller/status/stored_fleet.h"
#include "controller/sync/kernel_clock.h"
#include "controller/sync/ntp_query.h"
#include "controller/sync/servers.h"
#include "fmt/format.h"

namespace fleetsync::cli {
namespace {

using inventory::Host;

// A host's bound needs to be no finer than what its tolerance can tell apart.
Duration WantedBound(const Host& host) {
  return std::clamp<Duration>(host.time.tolerance / 20, std::chrono::microseconds(50),
                              std::chrono::milliseconds(5));
}

// The reading of such a host is the measurement, not its daemon's word.
bool IsContradicted(const observe::DaemonState& state,
                    const std::optional<sync::Estimate>& measured) {
  return state.synchronised() && state.offset && state.error_bound && measured &&
         Abs(*state.offset - measured->offset) > *state.error_bound + measured->bound;
}

std::vector<db::Source> SourcesOf(const observe::DaemonState& state) {
  std::vector<db::Source> sources;
  for (const observe::Source& source : state.sources)
    sources.push_back({.name = source.name,
                       .address = source.name,
                       .state = static_cast<uint8_t>(static_cast<int>(source.state) + 1),
                       .stratum = source.stratum,
                       .reach = source.reach.value_or(0),
                       .poll = static_cast<int8_t>(source.poll.value_or(0)),
                       .offset = source.offset.value_or(Duration{}),
                       .delay = source.delay.value_or(Duration{}),
                       .jitter = source.jitter.value_or(Duration{}),
                       .last_sample_age = source.last.value_or(Duration{}),
                       .reference_id = source.reference_id});
  return sources;
}

// What the numbers of observe::SourceState and the store's have in common.
static_assert(static_cast<int>(observe::SourceState::kSelected) + 1 == status::kSourceSelected);
static_assert(static_cast<int>(observe::SourceState::kFalseticker) + 1 ==
              status::kSourceFalseticker);
static_assert(static_cast<int>(observe::SourceState::kUnreachable) + 1 ==
              status::kSourceUnreachable);

class Collector : public ssh::FleetObserver {
 public:
  Collector(const std::vector<const Host*>& hosts, const std::optional<sync::Reference>& reference,
            std::vector<LiveHost>& results, ui::Progress* progress)
      : reference_(reference), progress_(progress) {
    results.resize(hosts.size());
    for (size_t i = 0; i < hosts.size(); ++i) {
      results[i].input = status::InputOf(*hosts[i]);
      results[i].input.failure = "not asked";
      by_host_[hosts[i]] = &results[i];
    }
  }

  void OnStage(const Host& host, ssh::Stage stage) override {
    if (progress_ != nullptr) progress_->OnStage(host.name, ssh::ToString(stage));
  }
  void OnHostDone(const Host& host, ssh::Conversation& conversation,
                  const ssh::Failure* failure) override {
    LiveHost& live = *by_host_[&host];
    const auto& result = dynamic_cast<observe::LiveConversation&>(conversation).result();
    if (failure != nullptr) {
      live.input.failure = ssh::ToString(*failure);
    } else {
      Take(result, live);
    }
    if (progress_ != nullptr) progress_->OnHostDone(host.name, live.input.failure);
  }

 private:
  void Take(const observe::LiveResult& result, LiveHost& live) {
    if (!result.observation.ok()) {
      live.input.failure = Message(result.observation.status());
      return;
    }
    live.input.failure.clear();
    live.observation = *result.observation;
    const observe::DaemonState& daemon = live.observation->state;
    if (!daemon.daemon.empty() && !daemon.answered)
      live.trouble = fmt::format("{} does not answer: {}", daemon.daemon, daemon.trouble);
    if (!live.observation->others.empty())
      live.trouble =
          fmt::format("{} runs beside {}", Join(live.observation->others, ", "), daemon.daemon);
    std::optional<sync::Estimate> measured;
    if (!result.ours_from_host.ok()) {
      live.trouble = fmt::format("not measured: {}", Message(result.ours_from_host.status()));
    } else if (reference_) {
      const auto applied = reference_->Apply(*result.ours_from_host, result.measured_at);
      if (applied.ok()) {
        measured = *applied;
      } else {
        live.trouble = fmt::format("not measured: {}", Message(applied.status()));
      }
    }
    live.input.reading = observe::Assess(*live.observation, measured, ReadClocks().system);
    live.input.contradicted = IsContradicted(daemon, measured);
    live.input.sources = SourcesOf(daemon);
  }

  const std::optional<sync::Reference>& reference_;
  ui::Progress* progress_;
  std::map<const Host*, LiveHost*> by_host_;
};

}  // namespace

std::optional<sync::Reference> FindReference(const Chosen& chosen, const std::atomic<bool>& stop,
                                             void (*warn)(const std::string&)) {
  const std::vector<sync::Server> servers =
      sync::DistinctServers(sync::AssignServers(chosen.inventory, chosen.hosts, {}));
  std::vector<std::string> addresses;
  addresses.reserve(servers.size());
  for (const sync::Server& server : servers) addresses.push_back(server.address);
  std::vector<sync::RelayState> relays = sync::QueryServers(addresses, {}, stop);
  for (size_t i = 0; i < relays.size(); ++i) relays[i].name = servers[i].name;
  sync::JudgePolicy policy;
  for (const Host* host : chosen.hosts)
    policy.tolerance = std::min(policy.tolerance, host->time.tolerance);
  const StatusOr<sync::Judgement> judgement =
      sync::Judge(sync::ReadKernelClock(), relays, policy, ReadClocks());
  if (!judgement.ok()) {
    warn(fmt::format("hosts are shown as they see themselves, not measured: {}",
                     Message(judgement.status())));
    return std::nullopt;
  }
  for (const std::string& warning : judgement->warnings) warn(warning);
  return judgement->reference;
}

StatusOr<std::vector<LiveHost>> AskHosts(const Context& context, const Chosen& chosen,
                                         const std::optional<sync::Reference>& reference,
                                         ui::Progress* progress, const std::atomic<bool>& stop) {
  std::vector<LiveHost> hosts;
  Collector collector(chosen.hosts, reference, hosts, progress);
  FS_RETURN_IF_ERROR(ssh::RunFleet(
      chosen.hosts, FleetOptionsFrom(context.options),
      [&context](const Host& host) {
        return std::make_unique<observe::LiveConversation>(WantedBound(host),
                                                           context.options.timeout);
      },
      collector, stop));
  return hosts;
}

std::vector<status::HostInput> InputsOf(const std::vector<LiveHost>& hosts) {
  std::vector<status::HostInput> inputs;
  for (const LiveHost& host : hosts) inputs.push_back(host.input);
  return inputs;
}

}  // namespace fleetsync::cli
