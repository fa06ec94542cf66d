#include "controller/status/fleet_text.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/status/group_text.h"
#include "controller/status/host_row.h"
#include "controller/ui/fold.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

using ui::Style;

std::string CountsLine(const Summary& summary, bool color) {
  std::string line = fmt::format("{} expected, {} reporting", summary.expected, summary.reporting);
  const auto add = [&](State state) {
    const size_t count = summary.count(state);
    if (count > 0)
      line +=
          ", " + ui::Styled(fmt::format("{} {}", count, ToString(state)), StyleOf(state), color);
  };
  for (const State well : {State::kSynced, State::kConverging, State::kFreeRunning}) add(well);
  for (const State state : kStates)
    if (state < State::kFreeRunning) add(state);
  return line;
}

std::string PercentilesLine(const Summary& summary) {
  const auto text = [](const Percentiles& p) {
    return fmt::format("p50 {}, p95 {}, p99 {}, max {}", FormatDuration(p.p50),
                       FormatDuration(p.p95), FormatDuration(p.p99), FormatDuration(p.max));
  };
  return fmt::format("|offset| {}; bound {}", text(*summary.offset), text(*summary.error_bound));
}

bool HasNothingButAState(const HostView& host) { return !host.input.reading; }

// Hosts next to each other that show nothing but the same state become one line.
std::vector<std::vector<std::string>> RowsOf(const FleetView& view, const RowOptions& row_options,
                                             bool fold) {
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < view.hosts.size();) {
    size_t end = i + 1;
    if (fold && HasNothingButAState(view.hosts[i]))
      while (end < view.hosts.size() && HasNothingButAState(view.hosts[end]) &&
             view.hosts[end].state == view.hosts[i].state)
        ++end;
    rows.push_back(HostRow(view.hosts[i], row_options));
    if (end - i > 1) {
      std::vector<ui::HostText> alike;
      for (size_t k = i; k < end; ++k) alike.push_back({view.hosts[k].input.host, ""});
      rows.back().front() = Printable(ui::Fold(alike).front().names);
    }
    i = end;
  }
  return rows;
}

std::string JoinLines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

std::string HostTable(const FleetView& view, const TextOptions& options) {
  const RowOptions row_options = RowOptionsOf(view, options.color);
  return JoinLines(ui::TableLines(HostColumns(row_options), RowsOf(view, row_options, options.fold),
                                  options.width));
}

std::string GroupTable(const FleetView& view, const TextOptions& options) {
  std::vector<std::vector<std::string>> rows;
  for (const GroupView& group : GroupsOf(view, *options.by))
    rows.push_back(GroupRow(group, options.color));
  return JoinLines(ui::TableLines(GroupColumns(*options.by), rows, options.width));
}

// "web[01-03]: connect: timed out after 10 s", hosts with the same reason together.
std::string FailuresText(const FleetView& view) {
  std::vector<ui::HostText> failures;
  for (const HostView& host : view.hosts)
    if (!host.input.failure.empty()) failures.push_back({host.input.host, host.input.failure});
  std::string text;
  for (const ui::Folded& folded : ui::Fold(failures))
    text += fmt::format("{}: {}\n", Printable(folded.names), Printable(folded.text));
  return text.empty() ? text : '\n' + text;
}

}  // namespace

std::string Headline(const Summary& summary) {
  const std::string within =
      summary.tolerance ? FormatDuration(*summary.tolerance) : "their tolerance";
  std::string line =
      fmt::format("{} of {} hosts within {}", summary.within_tolerance, summary.expected, within);
  if (summary.agreement)
    line +=
        fmt::format("; any two synced hosts agree within {}", FormatDuration(*summary.agreement));
  return line;
}

std::vector<std::string> HeaderLines(const FleetView& view, bool color) {
  std::vector<std::string> lines = {ui::Styled(Headline(view.summary), Style::kBold, color),
                                    CountsLine(view.summary, color)};
  if (view.summary.offset) lines.push_back(PercentilesLine(view.summary));
  if (view.summary.measurement_doubtful)
    lines.push_back(
        ui::Styled("most hosts contradict what was measured from here: is this "
                   "machine's own clock right?",
                   Style::kBad, color));
  return lines;
}

std::string LegendLine(const FleetView& view) {
  Marks any;
  for (const HostView& host : view.hosts) {
    any.stepped |= host.marks.stepped;
    any.falseticker |= host.marks.falseticker;
    any.contradicted |= host.marks.contradicted;
    any.free_running |= host.marks.free_running;
  }
  std::vector<std::string> parts;
  if (any.stepped) parts.emplace_back("▲ stepped lately");
  if (any.falseticker) parts.emplace_back("◆ follows a falseticker");
  if (any.contradicted) parts.emplace_back("≠ measured otherwise from here");
  if (any.free_running) parts.emplace_back("◇ no source answers");
  return Join(parts, "   ");
}

std::string FormatFleet(const FleetView& view, const TextOptions& options) {
  std::string text;
  for (const std::string& line : HeaderLines(view, options.color))
    text += (options.width > 0 ? ui::FitToWidth(line, options.width) : line) + '\n';
  text += '\n';
  text += options.by ? GroupTable(view, options) : HostTable(view, options);
  if (view.hosts.size() < view.summary.expected)
    text += fmt::format("{} of {} hosts are listed\n", view.hosts.size(), view.summary.expected);
  if (const std::string legend = LegendLine(view); !legend.empty()) text += '\n' + legend + '\n';
  return text + FailuresText(view);
}

}  // namespace fleetsync::status
