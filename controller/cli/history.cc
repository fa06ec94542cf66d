#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/clock_read.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time_text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/fleet.h"
#include "controller/status/chart.h"
#include "controller/status/history_picture.h"
#include "controller/status/history_text.h"
#include "controller/status/instant_text.h"
#include "controller/ui/styled_text.h"
#include "controller/ui/terminal_size.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

constexpr const char* kHelp =
    "How the clocks' offsets went: a plot in the terminal, or a picture in a file.\n\n"
    "Offsets are on an axis that is linear near zero and logarithmic beyond, so that microseconds "
    "and seconds both show; the error bound is the envelope around them; marks are steps, other "
    "sources, restarts. Times are UTC. From six hosts on the terminal shows a line each.\n\n"
    "  fleetsync history web01\n"
    "  fleetsync history 'web[01-04]' --since 7d\n"
    "  fleetsync history -g db --since 2026-05-01 --until 2026-05-02\n"
    "  fleetsync history web01 --svg web01.svg --png web01.png --csv web01.csv\n\n"
    "Exit code: 0 when reports were found; 1 when none of the hosts has any in that time.\n";

constexpr size_t kPointsOfTerminal = 400, kPointsOfPicture = 800;

struct HistoryOptions {
  std::vector<std::string> hosts;
  std::string since = "1d", until = "now";
  std::string svg, png, csv;
  FleetFlags fleet;

  bool to_files() const { return !svg.empty() || !png.empty() || !csv.empty(); }
};

struct TimeRange {
  SystemTime since, until;
};

StatusOr<TimeRange> RangeOf(const HistoryOptions& options, SystemTime now) {
  FS_ASSIGN_OR_RETURN(const SystemTime until, status::ParseInstant(options.until, now));
  FS_ASSIGN_OR_RETURN(const SystemTime since, status::ParseInstant(options.since, now));
  if (since >= until)
    return absl::InvalidArgumentError(
        fmt::format("--since {} is not before --until {}", FormatTime(since), FormatTime(until)));
  return TimeRange{.since = since, .until = until};
}

StatusOr<std::vector<status::Chart>> ReadCharts(const Fleet& fleet, const TimeRange& range,
                                                size_t points) {
  std::vector<std::string> names;
  std::map<std::string_view, Duration> tolerances;
  for (const inventory::Host* host : fleet.chosen.hosts) {
    names.push_back(host->name);
    tolerances[host->name] = host->time.tolerance;
  }
  FS_ASSIGN_OR_RETURN(const std::vector<db::HostHistory> histories,
                      fleet.source->History(names, range.since, range.until, points));
  std::vector<status::Chart> charts;
  for (const db::HostHistory& history : histories)
    charts.push_back(status::ChartOf(history, range.since, range.until, tolerances[history.host]));
  return charts;
}

Status WriteFiles(const HistoryOptions& options, std::span<const status::Chart> charts) {
  constexpr unsigned kMode = 0644;
  if (!options.csv.empty())
    FS_RETURN_IF_ERROR(WriteFileAtomically(options.csv, status::HistoryCsv(charts), kMode));
  if (!options.svg.empty())
    FS_RETURN_IF_ERROR(WriteFileAtomically(options.svg, status::HistorySvg(charts), kMode));
  if (!options.png.empty()) {
    FS_ASSIGN_OR_RETURN(const std::string png, status::HistoryPng(charts));
    FS_RETURN_IF_ERROR(WriteFileAtomically(options.png, png, kMode));
  }
  return absl::OkStatus();
}

void Print(const Context& context, std::span<const status::Chart> charts) {
  constexpr size_t kWidthOfPipe = 100;
  const size_t columns = ui::SizeOfTerminal(STDOUT_FILENO).columns;
  const std::string text =
      status::HistoryText(charts, columns == 0 ? kWidthOfPipe : columns, context.color);
  const std::string shown = ui::LocaleIsUtf8() ? text : ui::ToAscii(text);
  std::fwrite(shown.data(), 1, shown.size(), stdout);
}

int Show(const Context& context, const HistoryOptions& options,
         std::span<const status::Chart> charts) {
  bool any = false;
  for (const status::Chart& chart : charts) any |= !chart.points.empty();
  if (!any) {
    PrintError("none of these hosts reported in that time; 'fleetsync status' says when they did");
    return kHostFailed;
  }
  if (context.json()) {
    const std::string json = status::HistoryJson(charts);
    std::fwrite(json.data(), 1, json.size(), stdout);
  } else if (!options.to_files()) {
    Print(context, charts);
  }
  if (const Status written = WriteFiles(options, charts); !written.ok()) {
    PrintError(Message(written));
    return kHostFailed;
  }
  return kAllWell;
}

// HOST… and --limit choose alike.
Context WithHosts(const Context& context, const std::vector<std::string>& hosts) {
  Context narrowed = context;
  auto& limits = narrowed.options.selection.limits;
  limits.insert(limits.end(), hosts.begin(), hosts.end());
  return narrowed;
}

int RunHistory(const Context& given, const HistoryOptions& options) {
  const Context context = WithHosts(given, options.hosts);
  const std::variant<Fleet, ExitCode> opened = OpenFleet(context, options.fleet);
  if (const ExitCode* code = std::get_if<ExitCode>(&opened)) return *code;
  const StatusOr<TimeRange> range = RangeOf(options, ReadClocks().system);
  if (!range.ok()) {
    PrintError(Message(range.status()));
    return kUsage;
  }
  const StatusOr<std::vector<status::Chart>> charts = ReadCharts(
      std::get<Fleet>(opened), *range, options.to_files() ? kPointsOfPicture : kPointsOfTerminal);
  if (!charts.ok()) {
    PrintError(Message(charts.status()));
    return kHostFailed;
  }
  return Show(context, options, *charts);
}

}  // namespace

void AddHistory(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("history", kHelp);
  auto options = std::make_shared<HistoryOptions>();
  command->add_option("hosts", options->hosts, "Host sets: web01, 'web[01-04]', @db [all]")
      ->type_name("HOST");
  command->add_option("--since", options->since, "From so long ago, or from this time in UTC")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_option("--until", options->until, "Up to this time")
      ->type_name("TIME")
      ->capture_default_str();
  AddFleetFlags(*command, options->fleet);
  command->add_option("--svg", options->svg, "Write a picture for browsers")->type_name("FILE");
  command->add_option("--png", options->png, "Write a picture of pixels")->type_name("FILE");
  command->add_option("--csv", options->csv, "Write the numbers")->type_name("FILE");
  command->callback([options, &action] {
    action = [options](const Context& context) { return RunHistory(context, *options); };
  });
}

}  // namespace fleetsync::cli
