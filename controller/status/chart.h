#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "controller/status/event.h"
#include "controller/status/fleet_view.h"
#include "controller/ui/scale.h"
#include "db/records.h"

namespace fleetsync::status {

// How one host's offset went, for every form in which that is drawn.
struct Chart {
  std::string host;
  SystemTime since, until;
  std::optional<Duration> tolerance;
  std::vector<db::HistoryPoint> points;  // oldest first
  std::vector<Event> events;             // oldest first
};

Chart ChartOf(const db::HostHistory& history, SystemTime since, SystemTime until,
              std::optional<Duration> tolerance);
// Of what the dashboard knows of a host.
Chart ChartOf(const HostView& host, SystemTime now);

struct ChartStats {
  uint64_t reports = 0, synchronised = 0;
  // Of |offset|, none below what it was: spans are known by their own percentiles alone.
  std::optional<Percentiles> offset;
  Duration error_bound_max{};
  size_t steps = 0;
};
ChartStats StatsOf(const Chart& chart);

// One axis for all of `charts`, so that they compare: every offset with its bound and zero are on
// it.
ui::SymlogScale ScaleOf(std::span<const Chart> charts);

// Where in the chart's time `at` is, 0 to 1; outside of it less or more.
double TimePosition(const Chart& chart, SystemTime at);

// Worth a mark in a chart: steps, starts, other sources, trouble.
bool IsMarked(const Event& event);

// "1440 reports, 3 of them without a source; 2 steps", "no reports"
std::string ReportsText(const Chart& chart);
// "|offset| p50 1.20 ms, p95 …, p99 …, max …; bound at most 720 us"; empty without any.
std::string StatsText(const Chart& chart);

}  // namespace fleetsync::status
