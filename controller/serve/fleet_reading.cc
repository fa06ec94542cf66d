#include "controller/serve/fleet_reading.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "controller/serve/ingest.h"

namespace fleetsync::serve {
namespace {

// Where SystemTime's nanoseconds end, in 2262.
SystemTime Instant(uint64_t microseconds) {
  constexpr uint64_t kLast = std::numeric_limits<int64_t>::max() / 1000;
  return SystemTime(std::chrono::microseconds(static_cast<int64_t>(std::min(microseconds, kLast))));
}
Duration Unsigned(uint64_t nanoseconds) {
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return Duration(static_cast<int64_t>(std::min(nanoseconds, kMost)));
}

db::Event EventOf(const v1::Event& event) {
  return {.kind = static_cast<uint8_t>(
              v1::EventKind_IsValid(event.kind()) ? event.kind() : v1::EVENT_KIND_UNSPECIFIED),
          .host_time = Instant(event.host_time_us()),
          .amount = Duration(event.amount_ns()),
          .text = event.text(),
          .at = Instant(event.at_us())};
}

// As ingest reads an agent's, but for what only a controller knows.
std::optional<db::Report> ReportOf(const v1::FleetHost& host) {
  const HostNames names = {host.host()};
  IngestSession session(names);
  v1::StreamRequest message;
  message.mutable_hello()->set_host(host.host());
  if (!session.OnMessage(message, {}).ok()) return std::nullopt;
  *message.mutable_report() = host.report();
  const StatusOr<Accepted> accepted = session.OnMessage(message, {});
  if (!accepted.ok()) return std::nullopt;
  db::Report report = std::get<Reports>(*accepted).front();
  report.received = Instant(host.received_us());
  report.at = Instant(host.report_at_us());
  if (host.report().stratum() == db::kStratumNotTold) report.stratum = db::kStratumNotTold;
  return report;
}

db::HistoryPoint PointOf(const v1::HistoryPoint& point) {
  return {.at = Instant(point.at_us()),
          .span = Instant(point.span_us()).time_since_epoch(),
          .reports = point.reports(),
          .synchronised = point.synchronised(),
          .offset_min = Duration(point.offset_min_ns()),
          .offset_max = Duration(point.offset_max_ns()),
          .offset_mean = Duration(point.offset_mean_ns()),
          .offset_p50 = Unsigned(point.offset_p50_ns()),
          .offset_p95 = Unsigned(point.offset_p95_ns()),
          .offset_p99 = Unsigned(point.offset_p99_ns()),
          .error_bound_max = Unsigned(point.error_bound_max_ns()),
          .frequency_mean_ppb = point.frequency_mean_ppb()};
}

// A sparkline's points: what the controller tells of them.
db::HistoryPoint PointOf(const v1::Recent& recent) {
  const Duration offset(recent.offset_ns());
  return {.at = Instant(recent.at_us()),
          .reports = 1,
          .synchronised = 1,
          .offset_min = offset,
          .offset_max = offset,
          .offset_mean = offset,
          .error_bound_max = Unsigned(recent.error_bound_ns())};
}

}  // namespace

db::HostRecord RecordOf(const v1::FleetHost& host) {
  db::HostRecord record;
  record.host = host.host();
  record.agent_version = host.agent_version();
  record.first_seen = Instant(host.first_seen_us());
  record.last_seen = Instant(host.last_seen_us());
  record.stored_through = host.stored_through();
  if (std::optional<db::Report> report = ReportOf(host)) {
    record.has_report = true;
    record.report = *std::move(report);
  }
  if (host.has_measurement())
    record.measurement = {.host = host.host(),
                          .at = Instant(host.measurement().at_us()),
                          .offset = Duration(host.measurement().offset_ns()),
                          .error_bound = Unsigned(host.measurement().error_bound_ns())};
  for (const v1::Event& event : host.events()) record.events.push_back(EventOf(event));
  for (const v1::Recent& recent : host.recent()) record.recent.push_back(PointOf(recent));
  return record;
}

std::vector<db::HostHistory> HistoriesOf(const v1::GetHistoryResponse& response) {
  std::vector<db::HostHistory> histories;
  for (const v1::HostHistory& host : response.hosts()) {
    db::HostHistory& history = histories.emplace_back();
    history.host = host.host();
    for (const v1::HistoryPoint& point : host.points()) history.points.push_back(PointOf(point));
    for (const v1::Event& event : host.events()) history.events.push_back(EventOf(event));
  }
  return histories;
}

}  // namespace fleetsync::serve
