#include "db/check.h"

#include <filesystem>
#include <string_view>

#include "db/database_file.h"
#include "db/schema.h"
#include "db/sqlite.h"
#include "fmt/format.h"

namespace fleetsync::db {
namespace {

constexpr int64_t kMostProblems = 20;

// Each with a query that counts what breaks it; for the present schema.
struct Rule {
  const char* broken;
  const char* sql;
};
constexpr Rule kRules[] = {
    {"reports that are not after the one before of their host's numbering",
     "SELECT count(*) FROM reports AS r JOIN contexts AS c USING (context_id)"
     " JOIN reports AS b ON b.report_id = r.report_id - r.back"
     " JOIN contexts AS d ON d.context_id = b.context_id"
     " WHERE r.back > 0 AND c.numbering_id = d.numbering_id AND r.sequence <= b.sequence"},
    {"reports beyond the end of their numbering",
     "SELECT count(*) FROM reports JOIN contexts USING (context_id) JOIN numberings"
     " USING (numbering_id) WHERE sequence > stored_through"},
    {"reports that follow one of another host",
     "SELECT count(*) FROM reports AS r JOIN contexts AS c USING (context_id)"
     " JOIN numberings AS n USING (numbering_id) JOIN reports AS b ON b.report_id ="
     " r.report_id - r.back JOIN contexts AS d ON d.context_id = b.context_id"
     " JOIN numberings AS m ON m.numbering_id = d.numbering_id"
     " WHERE r.back > 0 AND n.host_id <> m.host_id"},
    {"hosts whose numbering is missing",
     "SELECT count(*) FROM hosts WHERE numbering_id <> 0 AND numbering_id NOT IN"
     " (SELECT numbering_id FROM numberings)"},
    {"newest reports that are not the log's",
     "SELECT count(*) FROM reports JOIN contexts USING (context_id) JOIN numberings"
     " USING (numbering_id) JOIN latest USING (host_id) WHERE reports.report_id >"
     " latest.report_id"},
};

Status CheckPages(Connection& connection, CheckReport& report) {
  FS_ASSIGN_OR_RETURN(Statement rows,
                      connection.Prepare(fmt::format("PRAGMA integrity_check({})", kMostProblems)));
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return absl::OkStatus();
    if (std::string text = rows.Text(0); text != "ok") report.problems.push_back(std::move(text));
  }
}

Status CheckReferences(Connection& connection, CheckReport& report) {
  FS_ASSIGN_OR_RETURN(
      Statement rows,
      connection.Prepare("SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check"
                         " GROUP BY 1, 2"));
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return absl::OkStatus();
    report.problems.push_back(fmt::format("{} rows of {} refer to rows of {} that are missing",
                                          rows.Integer(2), rows.Text(0), rows.Text(1)));
  }
}

Status CountRows(Connection& connection, CheckReport& report) {
  FS_ASSIGN_OR_RETURN(
      Statement tables,
      connection.Prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE"
                         " 'sqlite_%' ORDER BY name"));
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool row, tables.Step());
    if (!row) return absl::OkStatus();
    const std::string name = tables.Text(0);
    FS_ASSIGN_OR_RETURN(const int64_t count,
                        connection.Integer(fmt::format("SELECT count(*) FROM \"{}\"", name)));
    report.rows.emplace_back(name, count);
  }
}

Status ReadSizes(Connection& connection, CheckReport& report) {
  FS_ASSIGN_OR_RETURN(report.schema, connection.Integer("PRAGMA user_version"));
  FS_ASSIGN_OR_RETURN(const int64_t page, connection.Integer("PRAGMA page_size"));
  FS_ASSIGN_OR_RETURN(const int64_t pages, connection.Integer("PRAGMA page_count"));
  FS_ASSIGN_OR_RETURN(const int64_t free, connection.Integer("PRAGMA freelist_count"));
  report.bytes = page * pages;
  report.free_bytes = page * free;
  std::error_code error;
  const auto log = std::filesystem::file_size(connection.path() + "-wal", error);
  report.log_bytes = error ? 0 : static_cast<int64_t>(log);
  return absl::OkStatus();
}

Status CheckAll(const std::string& path, CheckReport& report) {
  FS_RETURN_IF_ERROR(CheckNotEmptied(path));
  FS_ASSIGN_OR_RETURN(Connection connection, Connection::Open(path, Connection::Mode::kReadOnly));
  FS_RETURN_IF_ERROR(CheckOwner(connection));
  FS_RETURN_IF_ERROR(ReadSizes(connection, report));
  // A read transaction would keep the writer's log from being moved into the database for as long
  // as this takes; every query sees a sound state without one.
  FS_RETURN_IF_ERROR(CheckPages(connection, report));
  if (!report.problems.empty()) return absl::OkStatus();
  FS_RETURN_IF_ERROR(CheckReferences(connection, report));
  FS_RETURN_IF_ERROR(CountRows(connection, report));
  if (report.schema != Migrations().back().version) return absl::OkStatus();
  for (const Rule& rule : kRules) {
    FS_ASSIGN_OR_RETURN(const int64_t count, connection.Integer(rule.sql));
    if (count != 0) report.problems.push_back(fmt::format("{} {}", count, rule.broken));
  }
  return absl::OkStatus();
}

}  // namespace

StatusOr<CheckReport> CheckDatabase(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error)
    return absl::NotFoundError(fmt::format("there is no database {}; --db names another", path));
  CheckReport report;
  const Status checked = CheckAll(path, report);
  if (absl::IsDataLoss(checked))
    report.problems.push_back(Message(checked));
  else
    FS_RETURN_IF_ERROR(checked);
  return report;
}

}  // namespace fleetsync::db
