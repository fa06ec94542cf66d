#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/last_run.h"
#include "controller/observe/daemon_text.h"
#include "controller/observe/live_json.h"
#include "controller/observe/observe_conversation.h"
#include "controller/ui/fold.h"
#include "controller/ui/progress.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

using observe::Observation;
using Json = nlohmann::ordered_json;

struct HostObservation {
  const inventory::Host* host = nullptr;
  StatusOr<Observation> observation = absl::UnavailableError("not asked");
};

class Collector : public ssh::FleetObserver {
 public:
  Collector(std::vector<HostObservation>& results, ui::Progress& progress) : progress_(progress) {
    for (HostObservation& result : results) by_host_[result.host] = &result;
  }
  void OnStage(const inventory::Host& host, ssh::Stage stage) override {
    progress_.OnStage(host.name, ssh::ToString(stage));
  }
  void OnHostDone(const inventory::Host& host, ssh::Conversation& conversation,
                  const ssh::Failure* failure) override {
    StatusOr<Observation>& observation = by_host_[&host]->observation;
    observation = dynamic_cast<observe::ObserveConversation&>(conversation).result();
    if (failure != nullptr) observation = absl::UnavailableError(ssh::ToString(*failure));
    progress_.OnHostDone(host.name, observation.ok() ? "" : Message(observation.status()));
  }

 private:
  ui::Progress& progress_;
  std::map<const inventory::Host*, HostObservation*> by_host_;
};

// What sources and tracking have in common: they show one observation a host.
struct Shown {
  std::vector<std::string> patterns;
  std::string (*text)(const Observation&) = nullptr;
  bool code_of_clock = false;  // exit code 4 when a host is not synchronised
};

void Print(const Context& context, const std::vector<HostObservation>& results,
           const Shown& shown) {
  std::string text;
  if (context.json()) {
    Json hosts = Json::array();
    for (const HostObservation& result : results) {
      Json entry = {{"host", result.host->name}};
      if (result.observation.ok()) {
        entry["daemon"] = observe::ToJson(*result.observation);
      } else {
        entry["error"] = Message(result.observation.status());
      }
      hosts.push_back(std::move(entry));
    }
    text = Json{{"hosts", std::move(hosts)}}.dump(2, ' ', false, Json::error_handler_t::replace) +
           "\n";
  } else {
    std::vector<ui::HostText> texts;
    for (const HostObservation& result : results)
      if (result.observation.ok())
        texts.push_back({result.host->name, shown.text(*result.observation)});
    const bool alone = results.size() == 1;
    for (const ui::Folded& folded : ui::Fold(texts))
      text += alone ? folded.text : fmt::format("{}:\n{}\n", folded.names, folded.text);
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (context.json()) return;
  for (const HostObservation& result : results)
    if (!result.observation.ok())
      PrintError(fmt::format("{}: {}", result.host->name,
                             Printable(Message(result.observation.status()))));
}

int RunShown(Context context, const Shown& shown) {
  auto& limits = context.options.selection.limits;
  limits.insert(limits.end(), shown.patterns.begin(), shown.patterns.end());
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  std::vector<HostObservation> results;
  for (const inventory::Host* host : chosen->hosts) results.emplace_back().host = host;
  ui::Progress progress("asking", results.size(), context.options.verbose);
  Collector collector(results, progress);
  const Status run = ssh::RunFleet(
      chosen->hosts, FleetOptionsFrom(context.options),
      [&context](const inventory::Host&) {
        return std::make_unique<observe::ObserveConversation>(context.options.timeout);
      },
      collector, *context.stop);
  progress.Finish();
  if (!run.ok()) {
    PrintError(Message(run));
    return kHostFailed;
  }
  Print(context, results, shown);
  std::vector<std::string> failed;
  for (const HostObservation& result : results)
    if (!result.observation.ok()) failed.push_back(result.host->name);
  RememberFailed(context, failed);
  if (*context.stop) return kInterrupted;
  if (!failed.empty()) return kHostFailed;
  const auto off = [](const HostObservation& r) { return !r.observation->state.synchronised(); };
  return shown.code_of_clock && std::any_of(results.begin(), results.end(), off) ? kOutOfTolerance
                                                                                 : kAllWell;
}

void AddShown(CLI::App* command, Action& action, Shown shown) {
  auto kept = std::make_shared<Shown>(std::move(shown));
  command->add_option("HOSTS", kept->patterns,
                      "Host names and patterns, as --limit takes them [all]");
  command->callback([&action, kept] {
    action = [kept](const Context& context) { return RunShown(context, *kept); };
  });
}

}  // namespace

void AddSources(CLI::App& app, Action& action) {
  AddShown(app.add_subcommand(
               "sources",
               "The time sources of hosts as ntpq -p shows them, whichever daemon runs there.\n\n"
               "  fleetsync sources web07\n"
               "  fleetsync sources -g relays -o json\n\n"
               "Before a name: * selected, + combined, - outlier, x falseticker, blank: not used.\n"
               "reach is the octal register of the last eight polls (377: all answered); delay,\n"
               "offset and jitter are in milliseconds. An offset is positive when the source is "
               "ahead."),
           action, {.patterns = {}, .text = observe::SourcesText});
}

void AddTracking(CLI::App& app, Action& action) {
  AddShown(app.add_subcommand("tracking",
                              "Whether hosts are synchronised, as ntpstat says it, and what their "
                              "daemons know of their clocks.\n\n"
                              "  fleetsync tracking web07\n\n"
                              "Exit code: 0 every host is synchronised, 4 one is not, 1 one could "
                              "not be asked."),
           action, {.patterns = {}, .text = observe::TrackingText, .code_of_clock = true});
}

}  // namespace fleetsync::cli
