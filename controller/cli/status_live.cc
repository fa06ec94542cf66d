#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock_read.h"
#include "base/text.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/last_run.h"
#include "controller/cli/status.h"
#include "controller/observe/assess.h"
#include "controller/observe/live_conversation.h"
#include "controller/observe/live_json.h"
#include "controller/status/event.h"
#include "controller/status/fleet_json.h"
#include "controller/status/fleet_source.h"
#include "controller/status/stored_fleet.h"
#include "controller/sync/kernel_clock.h"
#include "controller/sync/ntp_query.h"
#include "controller/sync/reference.h"
#include "controller/sync/servers.h"
#include "controller/ui/fold.h"
#include "controller/ui/progress.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

using inventory::Host;

struct LiveHost {
  status::HostInput input;
  std::optional<observe::Observation> observation;
  std::string trouble;  // the host was reached, but not all of it could be read; printable
};

void Warn(const std::string& text) { PrintError("warning: " + Printable(text)); }

// By what the measurements count; none when no clock here can be trusted, which is said with
// `warn`.
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

std::string LiveJson(const status::FleetView& view, const std::vector<LiveHost>& hosts) {
  std::map<std::string_view, const LiveHost*> by_name;
  for (const LiveHost& host : hosts) by_name[host.input.host] = &host;
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(status::FleetJson(view));
  for (nlohmann::ordered_json& entry : json["hosts"]) {
    const LiveHost& host = *by_name[entry["host"].get_ref<const std::string&>()];
    entry["daemon"] =
        host.observation ? observe::ToJson(*host.observation) : nlohmann::ordered_json(nullptr);
    entry["trouble"] = host.trouble;
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void PrintTroubles(const std::vector<LiveHost>& hosts) {
  std::vector<ui::HostText> texts;
  for (const LiveHost& host : hosts)
    if (!host.trouble.empty()) texts.push_back({host.input.host, host.trouble});
  for (const ui::Folded& folded : ui::Fold(texts))
    Warn(fmt::format("{}: {}", folded.names, folded.text));
}

int Print(const Context& context, const StatusOptions& options, status::FleetView view,
          const std::vector<LiveHost>& hosts) {
  if (!context.json()) {
    const int code = ShowFleet(context, options, std::move(view));
    std::fflush(stdout);
    PrintTroubles(hosts);
    return code;
  }
  const int code = status::ExitCodeOf(view);
  status::KeepMatching(options.filter, view);
  const std::string text = LiveJson(view, hosts);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return code;
}

// One question to every chosen host. `progress`: null where nothing may be drawn.
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

// For `--watch`: asks every host again at each Read.
class LiveSource : public status::FleetSource {
 public:
  LiveSource(const Context& context, Chosen chosen)
      : context_(context), chosen_(std::move(chosen)) {}

  StatusOr<status::FleetSnapshot> Read() override {
    // The screen is the dashboard's: nothing is said beside it.
    const auto reference = FindReference(chosen_, cancelled_, [](const std::string&) {});
    FS_ASSIGN_OR_RETURN(const std::vector<LiveHost> hosts,
                        AskHosts(context_, chosen_, reference, nullptr, cancelled_));
    return status::FleetSnapshot{.now = ReadClocks().system, .hosts = InputsOf(hosts)};
  }
  void Cancel() override { cancelled_ = true; }
  StatusOr<std::vector<db::HostHistory>> History(std::span<const std::string>, SystemTime,
                                                 SystemTime, size_t) override {
    return absl::UnimplementedError("hosts that are asked over SSH keep no history");
  }

 private:
  const Context& context_;
  Chosen chosen_;
  std::atomic<bool> cancelled_{false};
};

// Nothing that was read a moment ago is stale.
StatusOptions ForLive(StatusOptions options) {
  options.view.stale = std::max<Duration>(options.view.stale, std::chrono::hours(1));
  return options;
}

}  // namespace

int RunLiveStatus(const Context& context, const StatusOptions& given) {
  const StatusOptions options = ForLive(given);
  std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  if (options.watch)
    return WatchFleet(context, options, std::make_unique<LiveSource>(context, *std::move(chosen)));
  const std::optional<sync::Reference> reference = FindReference(*chosen, *context.stop, Warn);
  ui::Progress progress("asking", chosen->hosts.size(), context.options.verbose);
  const StatusOr<std::vector<LiveHost>> hosts =
      AskHosts(context, *chosen, reference, &progress, *context.stop);
  progress.Finish();
  if (!hosts.ok()) {
    PrintError(Message(hosts.status()));
    return kHostFailed;
  }
  std::vector<std::string> failed;
  for (const LiveHost& host : *hosts)
    if (!host.input.failure.empty()) failed.push_back(host.input.host);
  status::FleetView view =
      status::BuildFleetView(InputsOf(*hosts), ReadClocks().system, options.view);
  view.live = true;
  const int code = Print(context, options, std::move(view), *hosts);
  RememberFailed(context, failed);
  return *context.stop ? kInterrupted : code;
}

}  // namespace fleetsync::cli
