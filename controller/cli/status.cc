#include "controller/cli/status.h"

#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <variant>

#include "CLI/CLI.hpp"
#include "base/text.h"
#include "base/time_text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/options.h"
#include "controller/status/fleet_json.h"
#include "controller/status/fleet_metrics.h"
#include "controller/status/fleet_text.h"
#include "controller/ui/styled_text.h"
#include "controller/ui/terminal_size.h"
#include "fmt/format.h"

namespace fleetsync::cli {
namespace {

constexpr const char* kHelp =
    "Which clocks are right: every host's offset, its error bound and its source, worst first.\n\n"
    "Without --live from the agents' last reports, as 'fleetsync serve' has stored them; a host "
    "whose report is older than --stale is stale, never synced. With --live every host is asked "
    "over SSH, whatever time daemon runs there.\n\n"
    "OFFSET is what must be added to the host's clock to be right; with its bound it must lie "
    "within the host's tolerance (time: tolerance in fleet.yaml).\n\n"
    "  fleetsync status\n"
    "  fleetsync status --state off,stale --top 20\n"
    "  fleetsync status --by relay\n"
    "  fleetsync status --watch\n"
    "  fleetsync status --live --group web\n"
    "  fleetsync status --controller 198.18.0.1:7312      from another machine\n"
    "  fleetsync status -o prometheus\n"
    "  fleetsync status -o json | jq '.hosts[] | select(.state != \"synced\") | .host'\n\n"
    "Exit code: 0 every host in tolerance; 4 a clock out of tolerance, unsynchronised or not to be "
    "believed; 1 a host stale, silent or unreachable.\n";

int RunStoredStatus(const Context& context, const StatusOptions& options) {
  std::variant<Fleet, ExitCode> opened = OpenFleet(context, options.fleet);
  if (const ExitCode* code = std::get_if<ExitCode>(&opened)) return *code;
  Fleet& fleet = std::get<Fleet>(opened);
  if (options.watch) return WatchFleet(context, options, std::move(fleet.source));
  const StatusOr<status::FleetSnapshot> snapshot = fleet.source->Read();
  if (!snapshot.ok()) {
    PrintError(Message(snapshot.status()));
    return kHostFailed;
  }
  return ShowFleet(context, options,
                   status::BuildFleetView(snapshot->hosts, snapshot->now, options.view));
}

std::string TextOf(const Context& context, const StatusOptions& options,
                   const status::FleetView& view) {
  switch (context.options.output) {
    case OutputFormat::kJson:
      return status::FleetJson(view);
    case OutputFormat::kCsv:
      return status::FleetCsv(view);
    case OutputFormat::kPrometheus:
      return status::FleetMetrics(view);
    case OutputFormat::kTable:
      break;
  }
  const size_t width = ui::SizeOfTerminal(STDOUT_FILENO).columns;
  const std::string text = status::FormatFleet(
      view, {.color = context.color, .width = width, .fold = width > 0, .by = options.by});
  return ui::LocaleIsUtf8() ? text : ui::ToAscii(text);
}

void SetStates(const std::string& text, status::Filter& filter) {
  for (const std::string_view name : Split(text, ',')) {
    const std::optional<status::State> state = status::StateNamed(Trim(name));
    if (!state) {
      std::string known;
      for (const status::State one : status::kStates)
        known += fmt::format("{}{}", known.empty() ? "" : ", ", status::ToString(one));
      throw CLI::ValidationError("--state",
                                 fmt::format("'{}' is no state; there are {}", name, known));
    }
    filter.states.insert(*state);
  }
}

void AddFilters(CLI::App& command, StatusOptions& options) {
  command
      .add_option_function<std::string>(
          "--state", [&options](const std::string& text) { SetStates(text, options.filter); },
          "List only hosts in these states: off,stale (the header is about all)")
      ->type_name("STATES");
  command.add_option("--top", options.filter.top, "List the first N hosts only")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  command
      .add_option("--sort", options.view.sort,
                  "worst (by state, then by offset and bound), offset or name [worst]")
      ->type_name("ORDER")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, status::Sort>{{"worst", status::Sort::kWorst},
                                              {"offset", status::Sort::kOffset},
                                              {"name", status::Sort::kName}},
          CLI::ignore_case));
  command
      .add_option_function<status::By>(
          "--by", [&options](status::By by) { options.by = by; },
          "A line for each group, relay (the source that is followed) or daemon")
      ->type_name("WHAT")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, status::By>{{"group", status::By::kGroup},
                                            {"relay", status::By::kRelay},
                                            {"daemon", status::By::kDaemon}},
          CLI::ignore_case));
}

void AddWatch(CLI::App& command, StatusOptions& options) {
  static constexpr Duration kShortest = std::chrono::milliseconds(200);
  command
      .add_option_function<std::string>(
          "--watch",
          [&options](const std::string& text) {
            const StatusOr<Duration> parsed = ParseDuration(text);
            if (!parsed.ok()) throw CLI::ValidationError("--watch", Message(parsed.status()));
            options.watch = std::max(*parsed, kShortest);
          },
          "Stay and look again every INTERVAL [2 s]; '?' there tells the keys")
      ->type_name("INTERVAL")
      ->expected(0, 1)
      ->default_str("2s");
}

}  // namespace

int ShowFleet(const Context& context, const StatusOptions& options, status::FleetView view) {
  const int code = status::ExitCodeOf(view);
  status::KeepMatching(options.filter, view);
  const std::string text = TextOf(context, options, view);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return code;
}

void AddStatus(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("status", kHelp);
  auto options = std::make_shared<StatusOptions>();
  command->add_flag("--live", options->live,
                    "Ask every host over SSH instead of reading the store");
  AddFleetFlags(*command, options->fleet);
  AddDuration(*command, "--stale", options->view.stale,
              "A host whose last report is older than this is stale");
  AddFilters(*command, *options);
  AddWatch(*command, *options);
  command->callback([options, &action] {
    action = [options](const Context& context) {
      return options->live ? RunLiveStatus(context, *options) : RunStoredStatus(context, *options);
    };
  });
}

}  // namespace fleetsync::cli
