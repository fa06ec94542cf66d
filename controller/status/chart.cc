#include "controller/status/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

struct Weighted {
  Duration value;
  double weight;
};

// The least value with at least `share` of the weight at or below it.
Duration WeightedPercentile(std::span<const Weighted> ascending, double total, double share) {
  double below = 0;
  for (const Weighted& one : ascending) {
    below += one.weight;
    if (below >= share * total * (1 - 1e-9)) return one.value;
  }
  return ascending.back().value;
}

// Half of a span's reports are at most its p50, and so on: each has the value that it cannot
// exceed.
void AddSpan(const db::HistoryPoint& point, std::vector<Weighted>& values) {
  const double n = point.synchronised;
  const Duration largest = std::max(Abs(point.offset_min), Abs(point.offset_max));
  values.push_back({point.offset_p50, 0.5 * n});
  values.push_back({point.offset_p95, 0.45 * n});
  values.push_back({point.offset_p99, 0.04 * n});
  values.push_back({largest, 0.01 * n});
}

// A power of ten at or below `value`, at least 100 ns.
Duration DecadeBelow(Duration value) {
  Duration decade(100);
  while (decade * 10 <= value) decade *= 10;
  return decade;
}

void SortByTime(Chart& chart) {
  std::stable_sort(chart.events.begin(), chart.events.end(),
                   [](const Event& a, const Event& b) { return a.at < b.at; });
}

}  // namespace

Chart ChartOf(const db::HostHistory& history, SystemTime since, SystemTime until,
              std::optional<Duration> tolerance) {
  Chart chart{.host = history.host,
              .since = since,
              .until = until,
              .tolerance = tolerance,
              .points = history.points,
              .events = {}};
  for (const db::Event& event : history.events)
    chart.events.push_back({.at = event.at,
                            .kind = static_cast<EventKind>(event.kind),
                            .amount = event.amount,
                            .text = event.text});
  SortByTime(chart);
  return chart;
}

Chart ChartOf(const HostView& host, SystemTime now) {
  Chart chart{.host = host.input.host,
              .since = host.input.recent.empty() ? now : host.input.recent.front().at,
              .until = now,
              .tolerance = host.input.tolerance,
              .points = host.input.recent,
              .events = host.input.events};
  SortByTime(chart);
  return chart;
}

ChartStats StatsOf(const Chart& chart) {
  ChartStats stats;
  std::vector<Weighted> values;
  for (const db::HistoryPoint& point : chart.points) {
    stats.reports += point.reports;
    stats.synchronised += point.synchronised;
    if (point.synchronised == 0) continue;
    stats.error_bound_max = std::max(stats.error_bound_max, point.error_bound_max);
    AddSpan(point, values);
  }
  stats.steps = static_cast<size_t>(std::count_if(chart.events.begin(), chart.events.end(),
                                                  [](const Event& e) { return IsStep(e.kind); }));
  if (values.empty()) return stats;
  std::sort(values.begin(), values.end(),
            [](const Weighted& a, const Weighted& b) { return a.value < b.value; });
  const auto total = static_cast<double>(stats.synchronised);
  const auto at = [&](double share) { return WeightedPercentile(values, total, share); };
  stats.offset =
      Percentiles{.p50 = at(0.5), .p95 = at(0.95), .p99 = at(0.99), .max = values.back().value};
  return stats;
}

ui::SymlogScale ScaleOf(std::span<const Chart> charts) {
  Duration low{}, high{};
  std::vector<Duration> magnitudes;
  for (const Chart& chart : charts)
    for (const db::HistoryPoint& point : chart.points) {
      if (point.synchronised == 0) continue;
      low = std::min({low, point.offset_min, point.offset_mean - point.error_bound_max});
      high = std::max({high, point.offset_max, point.offset_mean + point.error_bound_max});
      magnitudes.push_back(Abs(point.offset_mean));
    }
  Duration typical = std::chrono::microseconds(1);
  if (!magnitudes.empty()) {
    const auto middle = magnitudes.begin() + static_cast<std::ptrdiff_t>(magnitudes.size() / 2);
    std::nth_element(magnitudes.begin(), middle, magnitudes.end());
    typical = *middle;
  }
  const Duration linear = DecadeBelow(typical);
  low = std::min(low, -linear);
  high = std::max(high, linear);
  return {low + low / 5, high + high / 5, linear};
}

double TimePosition(const Chart& chart, SystemTime at) {
  const Duration span = chart.until - chart.since;
  return span <= Duration::zero() ? 0 : ToSeconds(at - chart.since) / ToSeconds(span);
}

bool IsMarked(const Event& event) {
  return event.kind != EventKind::kSlewed && event.kind != EventKind::kUnspecified;
}

std::string ReportsText(const Chart& chart) {
  const ChartStats stats = StatsOf(chart);
  if (stats.reports == 0) return "no reports";
  std::string text = fmt::format("{} reports", stats.reports);
  if (stats.synchronised < stats.reports)
    text += fmt::format(", {} of them without a source", stats.reports - stats.synchronised);
  if (stats.steps > 0) text += fmt::format("; {} step{}", stats.steps, stats.steps == 1 ? "" : "s");
  return text;
}

std::string StatsText(const Chart& chart) {
  const ChartStats stats = StatsOf(chart);
  if (!stats.offset) return {};
  return fmt::format("|offset| p50 {}, p95 {}, p99 {}, max {}; bound at most {}",
                     FormatDuration(stats.offset->p50), FormatDuration(stats.offset->p95),
                     FormatDuration(stats.offset->p99), FormatDuration(stats.offset->max),
                     FormatDuration(stats.error_bound_max));
}

}  // namespace fleetsync::status
