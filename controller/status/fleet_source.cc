#include "controller/status/fleet_source.h"

#include <algorithm>
#include <cstdint>

#include "base/clock_read.h"
#include "controller/status/stored_fleet.h"

namespace fleetsync::status {
namespace {

// Until Reader::History is there: a point a report, all of them read.
StatusOr<std::vector<db::HostHistory>> ReadHistory(db::Reader& reader,
                                                   std::span<const std::string> hosts,
                                                   SystemTime since, SystemTime until,
                                                   size_t /*points*/) {
  std::vector<db::HostHistory> histories;
  for (const std::string& host : hosts) {
    FS_ASSIGN_OR_RETURN(const std::vector<db::Report> reports,
                        reader.Reports(host, 0, SIZE_MAX / 2));
    db::HostHistory history{.host = host};
    for (const db::Report& report : reports) {
      if (report.received < since || report.received >= until) continue;
      const bool synchronised = report.leap != 3;
      const Duration magnitude = Abs(report.offset);
      history.points.push_back({.at = report.received,
                                .reports = 1,
                                .synchronised = synchronised ? 1U : 0U,
                                .offset_min = report.offset,
                                .offset_max = report.offset,
                                .offset_mean = report.offset,
                                .offset_p50 = magnitude,
                                .offset_p95 = magnitude,
                                .offset_p99 = magnitude,
                                .error_bound_max = report.error_bound,
                                .frequency_mean_ppb = report.frequency_ppb});
    }
    histories.push_back(std::move(history));
  }
  return histories;
}

}  // namespace

StatusOr<FleetSnapshot> StoredFleetSource::Read() {
  FS_ASSIGN_OR_RETURN(const std::vector<db::HostRecord> records, reader_->Fleet());
  return FleetSnapshot{.now = ReadClocks().system, .hosts = InputsOf(expected_, records)};
}

StatusOr<std::vector<db::HostHistory>> StoredFleetSource::History(
    std::span<const std::string> hosts, SystemTime since, SystemTime until, size_t points) {
  return ReadHistory(*reader_, hosts, since, until, points);
}

}  // namespace fleetsync::status
