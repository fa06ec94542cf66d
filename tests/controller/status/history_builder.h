#pragma once

#include <chrono>
#include <cmath>
#include <string>

#include "controller/status/chart.h"
#include "tests/controller/status/fleet_builder.h"

namespace fleetsync::status {

// A day of a host in spans of six minutes: a swing of a hundred microseconds or so, two hours
// without reports, a clock that was set wrong by 80 ms and came back by a step.
inline db::HostHistory DayOf(const std::string& name, double phase = 0) {
  using std::chrono::hours;
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  const SystemTime since = kNow - hours(24);
  db::HostHistory history;
  history.host = name;
  for (int i = 0; i < 240; ++i) {
    if (i >= 80 && i < 100) continue;
    const double swing = std::sin(i * 0.11 + phase) * 120 + std::sin(i * 1.7 + phase) * 35;
    Duration mean = microseconds(std::lround(swing));
    if (i >= 150 && i < 156) mean += milliseconds(80);
    const Duration width = microseconds(20 + i * 7 % 30);
    const Duration largest = std::max(Abs(mean - width), Abs(mean + width));
    history.points.push_back({.at = since + minutes(6 * i),
                              .span = minutes(6),
                              .reports = 6,
                              .synchronised = 6,
                              .offset_min = mean - width,
                              .offset_max = mean + width,
                              .offset_mean = mean,
                              .offset_p50 = Abs(mean),
                              .offset_p95 = largest,
                              .offset_p99 = largest,
                              .error_bound_max = microseconds(600 + i % 7 * 20),
                              .frequency_mean_ppb = -1234});
  }
  const auto event = [&](int minute, EventKind kind, Duration amount, const char* text) {
    history.events.push_back({.kind = static_cast<uint8_t>(kind),
                              .host_time = since + minutes(minute),
                              .amount = amount,
                              .text = text,
                              .at = since + minutes(minute)});
  };
  event(600, EventKind::kStarted, {}, "");
  event(601, EventKind::kSourceSelected, {}, "ntp1.example");
  event(900, EventKind::kSteppedByOther, milliseconds(-80), "");
  event(936, EventKind::kStepped, milliseconds(80), "");
  return history;
}

inline Chart DayChart(const std::string& name, double phase = 0) {
  return ChartOf(DayOf(name, phase), kNow - std::chrono::hours(24), kNow,
                 std::chrono::milliseconds(10));
}

}  // namespace fleetsync::status
