#include "db/reader.h"

#include <filesystem>
#include <utility>

#include "db/fleet.h"
#include "db/history.h"
#include "db/report_rows.h"
#include "db/schema.h"
#include "fmt/format.h"

namespace fleetsync::db {

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
  // One snapshot for all queries, here and below.
  FS_ASSIGN_OR_RETURN(const Transaction snapshot, Transaction::BeginRead(connection_));
  return ReadFleet(connection_);
}

StatusOr<std::vector<HostHistory>> Reader::History(std::span<const std::string> hosts,
                                                   SystemTime since, SystemTime until,
                                                   size_t points) {
  FS_ASSIGN_OR_RETURN(const Transaction snapshot, Transaction::BeginRead(connection_));
  return ReadHistory(connection_, hosts, since, until, points);
}

StatusOr<std::vector<Report>> Reader::Reports(std::string_view host, uint64_t after, size_t limit) {
  FS_ASSIGN_OR_RETURN(
      Statement rows,
      connection_.Prepare(fmt::format(
          "WITH RECURSIVE chain (report_id) AS ("
          " SELECT report_id FROM latest JOIN hosts USING (host_id) WHERE name = ?1"
          " UNION ALL SELECT r.report_id - r.back FROM chain JOIN reports AS r USING (report_id)"
          " WHERE r.back > 0)"
          " SELECT {} FROM chain JOIN reports AS r USING (report_id){}"
          " WHERE c.numbering_id = (SELECT numbering_id FROM hosts WHERE name = ?1)"
          " AND r.sequence > ?2 ORDER BY r.sequence LIMIT ?3",
          kReadReportColumns, kReadReportJoins)));
  rows.Bind(1, host).Bind(2, static_cast<int64_t>(after)).Bind(3, static_cast<int64_t>(limit));
  std::vector<Report> reports;
  for (;;) {
    FS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return reports;
    reports.push_back(ReadReport(rows, 0, host));
  }
}

}  // namespace fleetsync::db
