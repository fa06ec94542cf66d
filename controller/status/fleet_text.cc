#include "controller/status/fleet_text.h"

#include <cmath>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/ui/fold.h"
#include "controller/ui/table.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::status {
namespace {

using nlohmann::ordered_json;
using ui::Style;

Style StyleOf(State state) {
  switch (state) {
    case State::kSynced:
      return Style::kGood;
    case State::kOff:
    case State::kUnsynchronised:
      return Style::kBad;
    case State::kStale:
    case State::kUnreachable:
    case State::kSilent:
      break;
  }
  return Style::kWarning;
}

// "377 ■■■■■■■■", the newest poll at the right.
std::string ReachText(std::optional<uint8_t> reach) {
  if (!reach) return "-";
  std::string text = fmt::format("{:03o} ", *reach);
  for (int bit = 7; bit >= 0; --bit) text += ((*reach >> bit) & 1) != 0 ? "■" : "·";
  return text;
}

// In the largest whole unit: "now", "12 s", "3 min", "5 h", "2 d".
std::string AgeText(Duration age) {
  const int64_t seconds = std::chrono::floor<std::chrono::seconds>(age).count();
  if (age < Duration::zero()) return fmt::format("in {}", AgeText(-age));
  if (seconds < 1) return "now";
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86400);
}

std::string StratumText(uint8_t stratum) {
  return stratum == 0 || stratum >= 16 ? "-" : fmt::format("{}", stratum);
}

// "+1.30 ms ±250 us"
std::string MeasuredText(const Reading& reading) {
  if (!reading.measured || !reading.measured_bound) return "-";
  return fmt::format("{} ±{}", FormatSigned(*reading.measured),
                     FormatDuration(*reading.measured_bound));
}

std::vector<std::string> RowOf(const HostView& host, bool live, bool color) {
  std::vector<std::string> row = {Printable(host.input.host),
                                  ui::Styled(ToString(host.state), StyleOf(host.state), color)};
  if (!host.input.reading) return row;
  const Reading& reading = *host.input.reading;
  row.push_back(FormatSigned(reading.offset));
  row.push_back(FormatDuration(reading.error_bound));
  row.push_back(StratumText(reading.stratum));
  row.push_back(ReachText(reading.reach));
  row.push_back(reading.source.empty() ? "-" : Printable(reading.source));
  row.push_back(reading.frequency ? fmt::format("{:+.3f}", reading.frequency->value) : "-");
  if (live) {
    row.push_back(reading.daemon.empty() ? "none" : Printable(reading.daemon));
    row.push_back(MeasuredText(reading));
  } else {
    row.push_back(AgeText(host.age));
  }
  // What is no longer known is not shown as if it were.
  if (host.state == State::kStale)
    for (size_t i = 2; i < row.size(); ++i) row[i] = ui::Styled(row[i], Style::kDim, color);
  return row;
}

std::string TableOf(const FleetView& view, bool color) {
  constexpr ui::Align kRight = ui::Align::kRight;
  std::vector<ui::Column> columns = {{"HOST"},           {"STATE"},           {"OFFSET", kRight},
                                     {"±BOUND", kRight}, {"STRATUM", kRight}, {"REACH"},
                                     {"SOURCE"},         {"FREQ ppm", kRight}};
  if (view.live) {
    columns.insert(columns.end(), {{"DAEMON"}, {"MEASURED HERE", kRight}});
  } else {
    columns.push_back({"LAST", kRight});
  }
  std::vector<std::vector<std::string>> rows;
  for (const HostView& host : view.hosts) rows.push_back(RowOf(host, view.live, color));
  return ui::FormatTable(columns, rows);
}

std::string CountsLine(const Summary& summary) {
  std::string line = fmt::format("{} expected, {} reporting", summary.expected, summary.reporting);
  const auto add = [&](size_t count, State state) {
    if (count > 0) line += fmt::format(", {} {}", count, ToString(state));
  };
  add(summary.synced, State::kSynced);
  add(summary.off, State::kOff);
  add(summary.unsynchronised, State::kUnsynchronised);
  add(summary.stale, State::kStale);
  add(summary.unreachable, State::kUnreachable);
  add(summary.silent, State::kSilent);
  return line + '\n';
}

std::string PercentilesLine(const Summary& summary) {
  if (!summary.offset) return {};
  const auto text = [](const Percentiles& p) {
    return fmt::format("p50 {}, p95 {}, max {}", FormatDuration(p.p50), FormatDuration(p.p95),
                       FormatDuration(p.max));
  };
  return fmt::format("|offset| {}; bound {}\n", text(*summary.offset), text(*summary.error_bound));
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

template <class T, class F>
ordered_json OrNull(const std::optional<T>& value, F&& convert) {
  return value ? ordered_json(convert(*value)) : ordered_json(nullptr);
}

int64_t Nanoseconds(Duration d) { return d.count(); }

ordered_json PercentilesJson(const Percentiles& p) {
  return {{"p50", p.p50.count()}, {"p95", p.p95.count()}, {"max", p.max.count()}};
}

ordered_json SummaryJson(const Summary& summary) {
  return {{"headline", Headline(summary)},
          {"expected", summary.expected},
          {"reporting", summary.reporting},
          {"synced", summary.synced},
          {"off", summary.off},
          {"unsynchronised", summary.unsynchronised},
          {"stale", summary.stale},
          {"unreachable", summary.unreachable},
          {"silent", summary.silent},
          {"agreement_ns", OrNull(summary.agreement, Nanoseconds)},
          {"offset_ns", OrNull(summary.offset, PercentilesJson)},
          {"error_bound_ns", OrNull(summary.error_bound, PercentilesJson)}};
}

ordered_json ReadingJson(const Reading& reading, Duration age) {
  const auto milli_ppm = [](Ppm ppm) { return std::llround(ppm.value * 1e3); };
  ordered_json json = {{"at", FormatTime(reading.at)},
                       {"age_ms", std::chrono::floor<std::chrono::milliseconds>(age).count()},
                       {"offset_ns", reading.offset.count()},
                       {"error_bound_ns", reading.error_bound.count()},
                       {"stratum", reading.stratum},
                       {"leap", reading.leap},
                       {"reach", OrNull(reading.reach, [](uint8_t reach) { return reach; })},
                       {"source", reading.source},
                       {"frequency_ppb", OrNull(reading.frequency, milli_ppm)},
                       {"daemon", reading.daemon}};
  if (reading.measured) json["measured_offset_ns"] = reading.measured->count();
  if (reading.measured_bound) json["measured_error_bound_ns"] = reading.measured_bound->count();
  return json;
}

ordered_json HostJson(const HostView& host) {
  ordered_json json = {{"host", host.input.host},
                       {"groups", host.input.groups},
                       {"state", ToString(host.state)},
                       {"tolerance_ns", host.input.tolerance.count()}};
  json["reading"] =
      host.input.reading ? ReadingJson(*host.input.reading, host.age) : ordered_json(nullptr);
  json["failure"] =
      host.input.failure.empty() ? ordered_json(nullptr) : ordered_json(host.input.failure);
  return json;
}

}  // namespace

std::string Headline(const Summary& summary) {
  const std::string within =
      summary.tolerance ? FormatDuration(*summary.tolerance) : "their tolerance";
  std::string line =
      fmt::format("{} of {} hosts within {}", summary.synced, summary.expected, within);
  if (summary.agreement)
    line +=
        fmt::format("; any two synced hosts agree within {}", FormatDuration(*summary.agreement));
  return line;
}

std::string FormatFleet(const FleetView& view, bool color) {
  return ui::Styled(Headline(view.summary), Style::kBold, color) + '\n' + CountsLine(view.summary) +
         PercentilesLine(view.summary) + '\n' + TableOf(view, color) + FailuresText(view);
}

std::string FleetJson(const FleetView& view) {
  ordered_json json = {{"version", 1}, {"at", FormatTime(view.now)}};
  json["summary"] = SummaryJson(view.summary);
  json["hosts"] = ordered_json::array();
  for (const HostView& host : view.hosts) json["hosts"].push_back(HostJson(host));
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace fleetsync::status
