#include "db/appender_statements.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/report_rows.h"
#include "fmt/format.h"

namespace fleetsync::db {
namespace {

constexpr std::string_view kReadHost =
    "SELECT h.host_id, n.spool, l.report_id, l.received_us - l.late_us, l.monotonic_us, boot.text,"
    " h.numbering_id"
    " FROM hosts AS h"
    " LEFT JOIN numberings AS n USING (numbering_id)"
    " LEFT JOIN latest AS l ON l.host_id = h.host_id"
    " LEFT JOIN contexts AS c ON c.context_id = l.context_id"
    " LEFT JOIN texts AS boot ON boot.text_id = c.boot_id"
    " WHERE h.name = ?";

}  // namespace

StatusOr<std::unique_ptr<AppenderStatements>> AppenderStatements::Prepare(Connection& connection) {
  std::vector<Statement> made;
  for (const std::string& sql : {
           std::string(kReadHost),
           std::string("INSERT INTO hosts (name, agent_version, first_seen_us, last_seen_us,"
                       " numbering_id) VALUES (?1, '', ?2, ?2, 0) RETURNING host_id"),
           std::string("UPDATE hosts SET agent_version = ?2, last_seen_us = max(last_seen_us, ?3),"
                       " numbering_id = ?4 WHERE host_id = ?1"),
           std::string("UPDATE hosts SET last_seen_us = max(last_seen_us, ?2) WHERE host_id = ?1"),
           std::string("SELECT numbering_id, stored_through FROM numberings WHERE host_id = ?1 AND"
                       " spool = ?2"),
           std::string("INSERT INTO numberings (host_id, spool, stored_through) VALUES (?1, ?2, 0)"
                       " RETURNING numbering_id"),
           std::string("UPDATE numberings SET stored_through = ?2 WHERE numbering_id = ?1"),
           std::string("SELECT text_id FROM texts WHERE text = ?"),
           std::string("INSERT INTO texts (text) VALUES (?) RETURNING text_id"),
           std::string("SELECT context_id FROM contexts WHERE numbering_id = ?1 AND boot_id = ?2"
                       " AND daemon = ?3 AND source = ?4"),
           std::string(
               "INSERT INTO contexts (numbering_id, boot_id, daemon, source) VALUES (?1, ?2,"
               " ?3, ?4) RETURNING context_id"),
           fmt::format("INSERT INTO reports (report_id, back, {}) VALUES (?1, ?2, {})",
                       kReportColumns, kReportParameters),
           fmt::format("INSERT OR REPLACE INTO latest (host_id, report_id, {}) VALUES (?1, ?2, {})",
                       kReportColumns, kReportParameters),
           std::string("DELETE FROM sources WHERE host_id = ?1 AND position >= ?2"),
           std::string("INSERT OR REPLACE INTO sources (host_id, position, sequence, name, address,"
                       " state, stratum, reach, poll, offset_ns, delay_ns, jitter_ns,"
                       " last_sample_age_us, reference_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                       " ?9, ?10, ?11, ?12, ?13, ?14)"),
           std::string("INSERT INTO events (host_id, sequence, kind, at_us, host_time_us,"
                       " received_us, amount_ns, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
           std::string("INSERT OR REPLACE INTO measurements (host_id, at_us, offset_ns,"
                       " error_bound_ns) VALUES (?1, ?2, ?3, ?4)"),
       }) {
    FS_ASSIGN_OR_RETURN(Statement statement, connection.Prepare(sql));
    made.push_back(std::move(statement));
  }
  size_t i = 0;
  const auto next = [&] { return std::move(made[i++]); };
  // Braces take their parts from left to right.
  return std::make_unique<AppenderStatements>(
      AppenderStatements{next(), next(), next(), next(), next(), next(), next(), next(), next(),
                         next(), next(), next(), next(), next(), next(), next(), next()});
}

}  // namespace fleetsync::db
