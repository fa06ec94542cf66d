#include "db/fleet.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "db/report_rows.h"
#include "db/rollup.h"
#include "db/units.h"
#include "fmt/format.h"

namespace fleetsync::db {
namespace {

constexpr int64_t kEvents = 5;
constexpr int64_t kRecentMinutes = 30;

struct Fleet {
  std::vector<HostRecord> hosts;
  std::vector<int64_t> ids;                    // of each of `hosts`
  std::unordered_map<int64_t, size_t> places;  // in `hosts`, by id

  HostRecord* Find(int64_t id) {
    const auto it = places.find(id);
    return it == places.end() ? nullptr : &hosts[it->second];
  }
};

Status ReadHosts(Connection& connection, Fleet& fleet) {
  FS_ASSIGN_OR_RETURN(
      Statement rows,
      connection.Prepare(
          fmt::format("SELECT h.name, h.host_id, h.agent_version, h.first_seen_us, h.last_seen_us,"
                      " n.stored_through, m.at_us, m.offset_ns, m.error_bound_ns, {}"
                      " FROM hosts AS h LEFT JOIN numberings AS n USING (numbering_id)"
                      " LEFT JOIN measurements AS m ON m.host_id = h.host_id"
                      " LEFT JOIN (latest AS r{}) ON r.host_id = h.host_id ORDER BY h.name",
                      kReadReportColumns, kReadReportJoins)));
  constexpr int kReport = 9;
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return absl::OkStatus();
    HostRecord host{.host = rows.Text(0),
                    .agent_version = rows.Text(2),
                    .first_seen = InstantFromMicroseconds(rows.Integer(3)),
                    .last_seen = InstantFromMicroseconds(rows.Integer(4)),
                    .stored_through = static_cast<uint64_t>(rows.Integer(5)),
                    .has_report = rows.Integer(kReport) > 0,
                    .report = {}};
    if (rows.Integer(6) != 0)
      host.measurement = {.host = host.host,
                          .at = InstantFromMicroseconds(rows.Integer(6)),
                          .offset = Duration(rows.Integer(7)),
                          .error_bound = Duration(rows.Integer(8))};
    if (host.has_report) {
      host.report = ReadReport(rows, kReport, host.host);
      host.report.sources.clear();  // read whole by ReadSources
      host.last_seen = std::max(host.last_seen, host.report.received);
    }
    fleet.ids.push_back(rows.Integer(1));
    fleet.places.emplace(fleet.ids.back(), fleet.hosts.size());
    fleet.hosts.push_back(std::move(host));
  }
}

Source ReadSource(const Statement& row) {
  return {.name = row.Text(1),
          .address = row.Text(2),
          .state = static_cast<uint8_t>(row.Integer(3)),
          .stratum = static_cast<uint8_t>(row.Integer(4)),
          .reach = static_cast<uint8_t>(row.Integer(5)),
          .poll = static_cast<int8_t>(row.Integer(6)),
          .offset = Duration(row.Integer(7)),
          .delay = Duration(row.Integer(8)),
          .jitter = Duration(row.Integer(9)),
          .last_sample_age = DurationFromMicroseconds(row.Integer(10)),
          .reference_id = row.Text(11)};
}

Status ReadSources(Connection& connection, Fleet& fleet) {
  FS_ASSIGN_OR_RETURN(
      Statement rows,
      connection.Prepare("SELECT host_id, name, address, state, stratum, reach, poll, offset_ns,"
                         " delay_ns, jitter_ns, last_sample_age_us, reference_id"
                         " FROM sources ORDER BY host_id, position"));
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return absl::OkStatus();
    if (HostRecord* host = fleet.Find(rows.Integer(0)); host != nullptr)
      host->report.sources.push_back(ReadSource(rows));
  }
}

Status ReadEvents(Connection& connection, Fleet& fleet) {
  FS_ASSIGN_OR_RETURN(
      Statement rows,
      connection.Prepare("SELECT kind, host_time_us, amount_ns, text, at_us FROM events"
                         " WHERE host_id = ?1 ORDER BY at_us DESC, event_id DESC LIMIT ?2"));
  for (size_t i = 0; i < fleet.hosts.size(); ++i) {
    rows.Bind(1, fleet.ids[i]).Bind(2, kEvents);
    while (true) {
      FS_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) break;
      fleet.hosts[i].events.push_back({.kind = static_cast<uint8_t>(rows.Integer(0)),
                                       .host_time = InstantFromMicroseconds(rows.Integer(1)),
                                       .amount = Duration(rows.Integer(2)),
                                       .text = rows.Text(3),
                                       .at = InstantFromMicroseconds(rows.Integer(4))});
    }
  }
  return absl::OkStatus();
}

Status ReadRecent(Connection& connection, Fleet& fleet) {
  FS_ASSIGN_OR_RETURN(
      Statement rows,
      connection.Prepare(
          fmt::format("SELECT host_id, begin_s, {} FROM rollups WHERE span_s = 60 AND begin_s >"
                      " (SELECT max(begin_s) FROM rollups WHERE span_s = 60) - ?1 ORDER BY begin_s",
                      kRollupColumns)));
  rows.Bind(1, 60 * kRecentMinutes);
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return absl::OkStatus();
    HostRecord* host = fleet.Find(rows.Integer(0));
    if (host == nullptr) continue;
    if (host->recent.empty()) host->recent.reserve(kRecentMinutes);
    host->recent.push_back(
        PointOf(ReadRollup(rows, 2), SystemTime(std::chrono::seconds(rows.Integer(1))), kSpans[0]));
  }
}

}  // namespace

StatusOr<std::vector<HostRecord>> ReadFleet(Connection& connection) {
  Fleet fleet;
  FS_RETURN_IF_ERROR(ReadHosts(connection, fleet));
  FS_RETURN_IF_ERROR(ReadSources(connection, fleet));
  FS_RETURN_IF_ERROR(ReadEvents(connection, fleet));
  FS_RETURN_IF_ERROR(ReadRecent(connection, fleet));
  return std::move(fleet.hosts);
}

}  // namespace fleetsync::db
