#include "controller/status/stored_fleet.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace fleetsync::status {
namespace {

// These keep no reach register, and the store has 0 for it.
bool TellsReach(std::string_view daemon) { return daemon != "openntpd" && daemon != "timesyncd"; }

std::optional<uint8_t> ReachOf(const db::Source* selected, std::string_view daemon) {
  if (selected == nullptr) return uint8_t{0};
  if (selected->reach == 0 && !TellsReach(daemon)) return std::nullopt;
  return selected->reach;
}

Reading ReadingOf(const db::HostRecord& record) {
  const db::Report& report = record.report;
  const db::Source* selected = db::Selected(report);
  // A report that waited in the agent's buffer tells of an earlier time than it was received.
  const SystemTime at = report.at == SystemTime{} ? report.received : report.at;
  Reading reading{.at = at,
                  .offset = report.offset,
                  .error_bound = report.error_bound,
                  .stratum = report.stratum,
                  .stratum_known = report.stratum != db::kStratumNotTold,
                  .leap = report.leap,
                  .reach = ReachOf(selected, report.daemon),
                  .source = selected == nullptr ? "" : selected->name,
                  .frequency = Ppm{static_cast<double>(report.frequency_ppb) / 1e3},
                  .daemon = report.daemon,
                  .holdover = report.holdover};
  if (record.measurement) {
    reading.measured = record.measurement->offset;
    reading.measured_bound = record.measurement->error_bound;
    reading.measured_at = record.measurement->at;
  }
  return reading;
}

// Measured too long before the report, or before the clock was stepped, it says nothing of the
// clock as it is now.
void DropOldMeasurement(Reading& reading, const std::vector<Event>& events) {
  constexpr Duration kTooOld = std::chrono::minutes(5);
  if (!reading.measured_at) return;
  const bool stepped_since = std::any_of(events.begin(), events.end(), [&](const Event& event) {
    return IsStep(event.kind) && event.at >= *reading.measured_at;
  });
  if (!stepped_since && Abs(reading.at - *reading.measured_at) <= kTooOld) return;
  reading.measured.reset();
  reading.measured_bound.reset();
  reading.measured_at.reset();
}

std::vector<Event> EventsOf(const db::HostRecord& record) {
  std::vector<Event> events;
  events.reserve(record.events.size());
  for (const db::Event& event : record.events)
    events.push_back({.at = event.at,
                      .kind = static_cast<EventKind>(event.kind),
                      .amount = event.amount,
                      .text = event.text});
  return events;
}

void Fill(const db::HostRecord& record, HostInput& input) {
  input.reading = ReadingOf(record);
  input.sources = record.report.sources;
  input.events = EventsOf(record);
  DropOldMeasurement(*input.reading, input.events);
  input.recent = record.recent;
}

}  // namespace

HostInput InputOf(const inventory::Host& host) {
  return {.host = host.name,
          .groups = host.groups,
          .tolerance = host.time.tolerance,
          .reading = std::nullopt,
          .failure = {}};
}

std::vector<HostInput> InputsOf(std::vector<HostInput> expected,
                                std::span<const db::HostRecord> records) {
  std::map<std::string_view, const db::HostRecord*> by_name;
  for (const db::HostRecord& record : records)
    if (record.has_report) by_name.emplace(record.host, &record);
  for (HostInput& input : expected)
    if (const auto it = by_name.find(input.host); it != by_name.end()) Fill(*it->second, input);
  return expected;
}

std::vector<HostInput> StoredFleet(std::span<const inventory::Host* const> hosts,
                                   std::span<const db::HostRecord> records) {
  std::vector<HostInput> expected;
  expected.reserve(hosts.size());
  for (const inventory::Host* host : hosts) expected.push_back(InputOf(*host));
  return InputsOf(std::move(expected), records);
}

}  // namespace fleetsync::status
