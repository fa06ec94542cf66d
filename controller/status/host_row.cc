#include "controller/status/host_row.h"

#include <algorithm>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/ui/sparkline.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

using ui::Style;

constexpr size_t kSparklineCells = 12;

std::string StratumText(const Reading& reading) {
  const bool some = reading.stratum_known && reading.stratum > 0 && reading.stratum < 16;
  return some ? fmt::format("{}", reading.stratum) : "-";
}

// "+1.30 ms ±250 us"
std::string MeasuredText(const Reading& reading) {
  if (!reading.measured || !reading.measured_bound) return "-";
  return fmt::format("{} ±{}", FormatSigned(*reading.measured),
                     FormatDuration(*reading.measured_bound));
}

std::string TextOrDash(const std::string& text) { return text.empty() ? "-" : Printable(text); }

Duration LargestOf(const db::HistoryPoint& point) {
  const Duration low = Abs(point.offset_min), high = Abs(point.offset_max);
  return std::max({low, high, Abs(point.offset_mean)});
}

}  // namespace

Style StyleOf(State state) {
  switch (state) {
    case State::kSynced:
      return Style::kGood;
    case State::kOff:
    case State::kUnsynchronised:
    case State::kContradicted:
    case State::kFalseticker:
      return Style::kBad;
    case State::kStale:
    case State::kUnreachable:
    case State::kSilent:
    case State::kFreeRunning:
    case State::kConverging:
      break;
  }
  return Style::kWarning;
}

std::string StateText(const HostView& host, bool color) {
  const Marks& marks = host.marks;
  Marks beside = marks;  // what the state itself does not say
  if (host.state == State::kFalseticker) beside.falseticker = false;
  if (host.state == State::kContradicted) beside.contradicted = false;
  if (host.state == State::kFreeRunning) beside.free_running = false;
  const std::string text = fmt::format("{} {}", SymbolOf(host.state), ToString(host.state));
  // Something happened to it: not green at a glance.
  const Style style =
      host.state == State::kSynced && beside.any() ? Style::kWarning : StyleOf(host.state);
  std::string shown = ui::Styled(text, style, color);
  if (beside.any()) shown += ' ' + ui::Styled(MarksText(beside), Style::kWarning, color);
  return shown;
}

std::string ReachText(std::optional<uint8_t> reach) {
  if (!reach) return "-";
  std::string text = fmt::format("{:03o} ", *reach);
  for (int bit = 7; bit >= 0; --bit) text += ((*reach >> bit) & 1) != 0 ? "■" : "·";
  return text;
}

std::string AgeText(Duration age) {
  const int64_t seconds = std::chrono::floor<std::chrono::seconds>(age).count();
  if (age < Duration::zero()) return fmt::format("in {}", AgeText(-age));
  if (seconds < 1) return "now";
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86400);
}

std::vector<std::optional<Duration>> RecentOffsets(const HostInput& host, size_t cells) {
  const auto& recent = host.recent;
  cells = std::min(cells, recent.size());
  std::vector<std::optional<Duration>> values(cells);
  if (recent.empty()) return values;
  const SystemTime from = recent.front().at;
  const double span = ToSeconds(recent.back().at + recent.back().span - from);
  for (size_t i = 0; i < recent.size(); ++i) {
    if (recent[i].synchronised == 0) continue;
    const double share = span > 0 ? ToSeconds(recent[i].at - from) / span
                                  : static_cast<double>(i) / static_cast<double>(recent.size());
    const auto at = static_cast<size_t>(share * static_cast<double>(cells) + 1e-9);
    std::optional<Duration>& cell = values[std::min(at, cells - 1)];
    const Duration largest = LargestOf(recent[i]);
    cell = cell ? std::max(*cell, largest) : largest;
  }
  return values;
}

RowOptions RowOptionsOf(const FleetView& view, bool color) {
  const auto any = [&view](auto&& pred) {
    return std::any_of(view.hosts.begin(), view.hosts.end(), pred);
  };
  return {.live = view.live,
          .color = color,
          .recent = any([](const HostView& host) { return !host.input.recent.empty(); }),
          .measured = view.live || any([](const HostView& host) {
                        return host.input.reading && host.input.reading->measured;
                      })};
}

std::vector<ui::Column> HostColumns(const RowOptions& options) {
  constexpr ui::Align kLeft = ui::Align::kLeft, kRight = ui::Align::kRight;
  const auto width = [&options](size_t usual) { return options.steady ? usual : 0; };
  std::vector<ui::Column> columns = {
      {"HOST", kLeft, 9, width(12)},   {"STATE", kLeft, 9, width(16)},
      {"OFFSET", kRight, 9, width(8)}, {"±BOUND", kRight, 8, width(7)},
      {"STRATUM", kRight, 2},          {"REACH", kLeft, 3, width(12)},
      {"SOURCE", kLeft, 6, width(14)}, {"FREQ ppm", kRight, 1, width(8)}};
  if (options.live) {
    columns.push_back({"DAEMON", kLeft, 4, width(8)});
  } else {
    columns.push_back({"LAST", kRight, 7, width(7)});
  }
  if (options.measured) columns.push_back({"MEASURED HERE", kRight, 4, width(17)});
  if (options.recent) columns.push_back({"RECENT", kLeft, 5, width(kSparklineCells)});
  return columns;
}

std::vector<std::string> HostRow(const HostView& host, const RowOptions& options) {
  std::vector<std::string> row = {Printable(host.input.host), StateText(host, options.color)};
  if (!host.input.reading) return row;
  const Reading& reading = *host.input.reading;
  row.push_back(FormatSigned(reading.offset));
  row.push_back(FormatDuration(reading.error_bound));
  row.push_back(StratumText(reading));
  row.push_back(ReachText(reading.reach));
  row.push_back(TextOrDash(reading.source));
  row.push_back(reading.frequency ? fmt::format("{:+.3f}", reading.frequency->value) : "-");
  if (options.live) {
    row.push_back(reading.daemon.empty() ? "none" : Printable(reading.daemon));
  } else {
    row.push_back(AgeText(host.age));
  }
  if (options.measured) row.push_back(MeasuredText(reading));
  if (options.recent)
    row.push_back(ui::Sparkline(RecentOffsets(host.input, kSparklineCells), host.input.tolerance));
  // What is no longer known is not shown as if it were.
  if (host.state == State::kStale)
    for (size_t i = 2; i < row.size(); ++i) row[i] = ui::Styled(row[i], Style::kDim, options.color);
  return row;
}

}  // namespace fleetsync::status
