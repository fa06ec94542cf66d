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
#include "controller/status/fleet_text.h"
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

// By what the measurements count; none when no clock here can be trusted, which was said then.
std::optional<sync::Reference> FindReference(const Chosen& chosen, const std::atomic<bool>& stop) {
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
    Warn(fmt::format("hosts are shown as they see themselves, not measured: {}",
                     Message(judgement.status())));
    return std::nullopt;
  }
  for (const std::string& warning : judgement->warnings) Warn(warning);
  return judgement->reference;
}

// A host's bound needs to be no finer than what its tolerance can tell apart.
Duration WantedBound(const Host& host) {
  return std::clamp<Duration>(host.time.tolerance / 20, std::chrono::microseconds(50),
                              std::chrono::milliseconds(5));
}

class Collector : public ssh::FleetObserver {
 public:
  Collector(const std::vector<const Host*>& hosts, const std::optional<sync::Reference>& reference,
            std::vector<LiveHost>& results, ui::Progress& progress)
      : reference_(reference), progress_(progress) {
    results.resize(hosts.size());
    for (size_t i = 0; i < hosts.size(); ++i) {
      results[i].input = status::InputOf(*hosts[i]);
      results[i].input.failure = "not asked";
      by_host_[hosts[i]] = &results[i];
    }
  }

  void OnStage(const Host& host, ssh::Stage stage) override {
    progress_.OnStage(host.name, ssh::ToString(stage));
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
    progress_.OnHostDone(host.name, live.input.failure);
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
  }

  const std::optional<sync::Reference>& reference_;
  ui::Progress& progress_;
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

void Print(const Context& context, const status::FleetView& view,
           const std::vector<LiveHost>& hosts) {
  const std::string text =
      context.json() ? LiveJson(view, hosts) : status::FormatFleet(view, context.color);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  if (!context.json()) PrintTroubles(hosts);
}

}  // namespace

int RunLiveStatus(const Context& context, const StatusOptions& options) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  const std::optional<sync::Reference> reference = FindReference(*chosen, *context.stop);
  std::vector<LiveHost> hosts;
  ui::Progress progress("asking", chosen->hosts.size(), context.options.verbose);
  Collector collector(chosen->hosts, reference, hosts, progress);
  const Status run = ssh::RunFleet(
      chosen->hosts, FleetOptionsFrom(context.options),
      [&context](const Host& host) {
        return std::make_unique<observe::LiveConversation>(WantedBound(host),
                                                           context.options.timeout);
      },
      collector, *context.stop);
  progress.Finish();
  if (!run.ok()) {
    PrintError(Message(run));
    return kHostFailed;
  }
  std::vector<status::HostInput> inputs;
  std::vector<std::string> failed;
  for (const LiveHost& host : hosts) {
    inputs.push_back(host.input);
    if (!host.input.failure.empty()) failed.push_back(host.input.host);
  }
  // Nothing that was read a moment ago is stale.
  status::ViewOptions view_options = options.view;
  view_options.stale = std::max<Duration>(view_options.stale, std::chrono::hours(1));
  status::FleetView view = status::BuildFleetView(inputs, ReadClocks().system, view_options);
  view.live = true;
  Print(context, view, hosts);
  RememberFailed(context, failed);
  return *context.stop ? kInterrupted : status::ExitCodeOf(view);
}

}  // namespace fleetsync::cli
