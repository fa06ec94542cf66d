#include "db/reader.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "db/schema.h"
#include "db/units.h"
#include "fmt/format.h"

namespace fleetsync::db {
namespace {

// In the order of ReadReport.
constexpr std::string_view kReportColumns =
    "r.sequence, boot.text, r.host_time_us, r.monotonic_us, r.received_us, r.offset_ns,"
    " r.error_bound_ns, r.stratum, r.leap, r.frequency_ppb, r.root_delay_ns, r.root_dispersion_ns,"
    " r.jitter_ns, daemon.text, source.text, r.reach";
constexpr std::string_view kReportTexts =
    " LEFT JOIN texts AS boot ON boot.text_id = r.boot_id"
    " LEFT JOIN texts AS daemon ON daemon.text_id = r.daemon"
    " LEFT JOIN texts AS source ON source.text_id = r.source";

// `first` is the column of r.sequence.
Report ReadReport(const Statement& row, int first, std::string host) {
  const auto nanoseconds = [&](int column) { return Duration(row.Integer(first + column)); };
  Report report{.host = std::move(host),
                .sequence = static_cast<uint64_t>(row.Integer(first)),
                .boot_id = row.Text(first + 1),
                .host_time = InstantFromMicroseconds(row.Integer(first + 2)),
                .monotonic = DurationFromMicroseconds(row.Integer(first + 3)),
                .received = InstantFromMicroseconds(row.Integer(first + 4)),
                .offset = nanoseconds(5),
                .error_bound = nanoseconds(6),
                .stratum = static_cast<uint8_t>(row.Integer(first + 7)),
                .leap = static_cast<uint8_t>(row.Integer(first + 8)),
                .frequency_ppb = row.Integer(first + 9),
                .root_delay = nanoseconds(10),
                .root_dispersion = nanoseconds(11),
                .jitter = nanoseconds(12),
                .daemon = row.Text(first + 13),
                .sources = {}};
  if (std::string source = row.Text(first + 14); !source.empty())
    report.sources.push_back({.name = std::move(source),
                              .address = {},
                              .state = kSelected,
                              .reach = static_cast<uint8_t>(row.Integer(first + 15)),
                              .reference_id = {}});
  return report;
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

StatusOr<std::vector<HostRecord>> ReadHosts(Connection& connection) {
  FS_ASSIGN_OR_RETURN(
      Statement rows,
      connection.Prepare(fmt::format(
          "SELECT h.name, h.agent_version, h.first_seen_us, h.last_seen_us, h.stored_through, {}"
          " FROM hosts AS h"
          " LEFT JOIN reports AS r ON r.host_id = h.host_id AND r.sequence = h.stored_through{}"
          " ORDER BY h.name",
          kReportColumns, kReportTexts)));
  std::vector<HostRecord> hosts;
  for (;;) {
    FS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return hosts;
    HostRecord host{.host = rows.Text(0),
                    .agent_version = rows.Text(1),
                    .first_seen = InstantFromMicroseconds(rows.Integer(2)),
                    .last_seen = InstantFromMicroseconds(rows.Integer(3)),
                    .stored_through = static_cast<uint64_t>(rows.Integer(4)),
                    .has_report = rows.Integer(5) > 0,
                    .report = {}};
    if (host.has_report) {
      host.report = ReadReport(rows, 5, host.host);
      host.report.sources.clear();  // read whole by ReadSources
    }
    hosts.push_back(std::move(host));
  }
}

// `hosts` is in the order of names.
Status ReadSources(Connection& connection, std::vector<HostRecord>& hosts) {
  FS_ASSIGN_OR_RETURN(
      Statement rows,
      connection.Prepare(
          "SELECT h.name, s.name, s.address, s.state, s.stratum, s.reach, s.poll, s.offset_ns,"
          " s.delay_ns, s.jitter_ns, s.last_sample_age_us, s.reference_id"
          " FROM sources AS s JOIN hosts AS h ON h.host_id = s.host_id"
          " ORDER BY h.name, s.position"));
  auto host = hosts.begin();
  for (;;) {
    FS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return absl::OkStatus();
    const std::string name = rows.Text(0);
    while (host != hosts.end() && host->host != name) ++host;
    if (host == hosts.end()) return absl::OkStatus();
    host->report.sources.push_back(ReadSource(rows));
  }
}

}  // namespace

StatusOr<std::unique_ptr<Reader>> Reader::Open(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error)
    return absl::NotFoundError(fmt::format(
        "there is no database {}; 'fleetsync serve' makes it, and --db names another", path));
  FS_ASSIGN_OR_RETURN(Connection connection, Connection::Open(path, Connection::Mode::kReadOnly));
  FS_RETURN_IF_ERROR(CheckSchema(connection));
  return std::unique_ptr<Reader>(new Reader(std::move(connection)));
}

StatusOr<std::vector<HostRecord>> Reader::Fleet() {
  // One snapshot for both queries.
  FS_ASSIGN_OR_RETURN(const Transaction snapshot, Transaction::BeginRead(connection_));
  FS_ASSIGN_OR_RETURN(std::vector<HostRecord> hosts, ReadHosts(connection_));
  FS_RETURN_IF_ERROR(ReadSources(connection_, hosts));
  return hosts;
}

StatusOr<std::vector<Report>> Reader::Reports(std::string_view host, uint64_t after, size_t limit) {
  FS_ASSIGN_OR_RETURN(Statement rows,
                      connection_.Prepare(fmt::format(
                          "SELECT {} FROM hosts AS h JOIN reports AS r ON r.host_id = h.host_id{}"
                          " WHERE h.name = ?1 AND r.sequence > ?2 ORDER BY r.sequence LIMIT ?3",
                          kReportColumns, kReportTexts)));
  rows.Bind(1, host).Bind(2, static_cast<int64_t>(after)).Bind(3, static_cast<int64_t>(limit));
  std::vector<Report> reports;
  for (;;) {
    FS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return reports;
    reports.push_back(ReadReport(rows, 0, std::string(host)));
  }
}

}  // namespace fleetsync::db
