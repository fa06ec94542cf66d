#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock_read.h"
#include "base/text.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/last_run.h"
#include "controller/cli/live_hosts.h"
#include "controller/cli/status.h"
#include "controller/observe/live_json.h"
#include "controller/status/fleet_json.h"
#include "controller/status/fleet_source.h"
#include "controller/ui/fold.h"
#include "controller/ui/progress.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

void Warn(const std::string& text) { PrintError("warning: " + Printable(text)); }

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
