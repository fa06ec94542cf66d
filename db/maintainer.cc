#include "db/maintainer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "db/report_rows.h"
#include "db/units.h"
#include "fmt/format.h"

namespace fleetsync::db {
namespace {

constexpr size_t kReportsASlice = 10'000;
constexpr int64_t kRowsASlice = 20'000;

int64_t WholeSeconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::seconds>(d).count();
}

// In seconds since 1970; `at` may lie before that.
int64_t BeginOf(int64_t at_us, Duration span) {
  const SystemTime at = InstantFromMicroseconds(at_us);
  const auto spans = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
  const int64_t length = WholeSeconds(span);
  const int64_t rest = spans % length;
  return spans - (rest < 0 ? rest + length : rest);
}

}  // namespace

struct Maintainer::Statements {
  Statement read_reports, read_rollup, write_rollup, use_context, set_progress;
  Statement expired_report, delete_reports, delete_rollups, delete_events, delete_run_hosts,
      delete_runs;
};

StatusOr<std::unique_ptr<Maintainer>> Maintainer::Create(Connection& connection) {
  std::vector<Statement> made;
  for (const std::string& sql : {
           std::string("SELECT report_id, context_id, host_id, received_us - late_us, state,"
                       " offset_ns, error_bound_ns, frequency_ppb"
                       " FROM reports JOIN contexts USING (context_id)"
                       " JOIN numberings USING (numbering_id)"
                       " WHERE report_id > (SELECT value FROM progress"
                       " WHERE what = 'rolled_up_through') ORDER BY report_id LIMIT ?"),
           fmt::format("SELECT {} FROM rollups WHERE span_s = ?1 AND begin_s = ?2 AND host_id = ?3",
                       kRollupColumns),
           fmt::format("INSERT OR REPLACE INTO rollups (span_s, begin_s, host_id, {}) VALUES (?1,"
                       " ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                       kRollupColumns),
           std::string("UPDATE contexts SET last_report = ?2 WHERE context_id = ?1"),
           std::string("UPDATE progress SET value = ? WHERE what = 'rolled_up_through'"),
           // The log's front is its oldest part.
           std::string(
               "SELECT report_id, received_us FROM reports WHERE report_id <= (SELECT value"
               " FROM progress WHERE what = 'rolled_up_through') ORDER BY report_id LIMIT ?"),
           std::string("DELETE FROM reports WHERE report_id <= ?"),
           std::string("DELETE FROM rollups WHERE span_s = ?1 AND (begin_s, host_id) IN (SELECT"
                       " begin_s, host_id FROM rollups WHERE span_s = ?1 AND begin_s < ?2"
                       " ORDER BY begin_s, host_id LIMIT ?3)"),
           std::string("DELETE FROM events WHERE event_id IN (SELECT event_id FROM events"
                       " ORDER BY event_id LIMIT ?2) AND received_us < ?1"),
           std::string("DELETE FROM run_hosts WHERE run IN (SELECT run FROM runs"
                       " WHERE started_us < ?)"),
           std::string("DELETE FROM runs WHERE started_us < ?"),
       }) {
    FS_ASSIGN_OR_RETURN(Statement statement, connection.Prepare(sql));
    made.push_back(std::move(statement));
  }
  size_t i = 0;
  const auto next = [&] { return std::move(made[i++]); };
  std::unique_ptr<Maintainer> maintainer(new Maintainer(connection));
  // Braces take their parts from left to right.
  maintainer->statements_ = std::make_unique<Statements>(Statements{
      next(), next(), next(), next(), next(), next(), next(), next(), next(), next(), next()});
  return maintainer;
}

Maintainer::Maintainer(Connection& connection) : connection_(connection) {}

Maintainer::~Maintainer() = default;

StatusOr<Maintainer::Slice> Maintainer::ReadSlice() {
  Slice slice;
  Statement& row = statements_->read_reports.Bind(1, int64_t{kReportsASlice});
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return slice;
    slice.through = row.Integer(0);
    slice.contexts[row.Integer(1)] = slice.through;
    ++slice.reports;
    const RolledReport report{.synchronised = SynchronisedState(row.Integer(4)),
                              .offset = Duration(row.Integer(5)),
                              .error_bound = Duration(row.Integer(6)),
                              .frequency_ppb = row.Integer(7)};
    for (const Duration span : kSpans)
      slice.rollups[{WholeSeconds(span), BeginOf(row.Integer(3), span), row.Integer(2)}].Add(
          report);
  }
}

Status Maintainer::Store(const Slice& slice) {
  for (const auto& [key, addition] : slice.rollups) {
    const auto& [span, begin, host_id] = key;
    Statement& read = statements_->read_rollup.Bind(1, span).Bind(2, begin).Bind(3, host_id);
    FS_ASSIGN_OR_RETURN(const bool known, read.Step());
    Rollup whole = addition;
    if (known) {
      whole.Merge(ReadRollup(read, 0));
      read.Reset();
    }
    Statement& write = statements_->write_rollup.Bind(1, span).Bind(2, begin).Bind(3, host_id);
    BindRollup(write, 4, whole);
    FS_RETURN_IF_ERROR(write.Run());
  }
  for (const auto& [context_id, report_id] : slice.contexts)
    FS_RETURN_IF_ERROR(statements_->use_context.Bind(1, context_id).Bind(2, report_id).Run());
  return statements_->set_progress.Bind(1, slice.through).Run();
}

Status Maintainer::RollUp(Maintained& done) {
  FS_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection_));
  FS_ASSIGN_OR_RETURN(const Slice slice, ReadSlice());
  if (slice.reports == 0) return absl::OkStatus();
  FS_RETURN_IF_ERROR(Store(slice));
  FS_RETURN_IF_ERROR(transaction.Commit());
  done.rolled_up += slice.reports;
  if (slice.reports == kReportsASlice) done.more = true;
  return absl::OkStatus();
}

Status Maintainer::Prune(SystemTime now, const Retention& retention, Maintained& done) {
  FS_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection_));
  Maintained pruned;
  FS_RETURN_IF_ERROR(PruneReports(Microseconds(now - retention.reports), pruned));
  FS_RETURN_IF_ERROR(PruneRollups(kSpans[0], now - retention.minutes, pruned));
  FS_RETURN_IF_ERROR(PruneRollups(kSpans[1], now - retention.hours, pruned));
  FS_RETURN_IF_ERROR(PruneEvents(Microseconds(now - retention.events), pruned));
  FS_RETURN_IF_ERROR(PruneRuns(Microseconds(now - retention.runs), pruned));
  if (pruned.pruned == 0) return absl::OkStatus();
  FS_RETURN_IF_ERROR(transaction.Commit());
  done.pruned += pruned.pruned;
  done.more = done.more || pruned.more;
  return absl::OkStatus();
}

Status Maintainer::PruneReports(int64_t before_us, Maintained& done) {
  int64_t through = 0, expired = 0;
  Statement& row = statements_->expired_report.Bind(1, kRowsASlice);
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) break;
    if (row.Integer(1) >= before_us) {
      row.Reset();
      break;
    }
    through = row.Integer(0);
    ++expired;
  }
  if (expired == 0) return absl::OkStatus();
  FS_RETURN_IF_ERROR(statements_->delete_reports.Bind(1, through).Run());
  done.pruned += static_cast<size_t>(connection_.changes());
  done.more = done.more || expired == kRowsASlice;
  return PruneTexts(done);
}

// What no report in the log and no host's newest report names.
Status Maintainer::PruneTexts(Maintained& done) {
  for (const std::string_view sql :
       {"DELETE FROM contexts WHERE last_report > 0"
        " AND last_report < (SELECT ifnull(min(report_id), 1 << 62) FROM reports)"
        " AND context_id NOT IN (SELECT context_id FROM latest)"
        " AND context_id NOT IN (SELECT context_id FROM reports WHERE report_id >"
        " (SELECT value FROM progress WHERE what = 'rolled_up_through'))",
        "DELETE FROM texts WHERE text_id NOT IN (SELECT boot_id FROM contexts"
        " UNION ALL SELECT daemon FROM contexts UNION ALL SELECT source FROM contexts)"}) {
    FS_ASSIGN_OR_RETURN(Statement statement, connection_.Prepare(sql));
    FS_RETURN_IF_ERROR(statement.Run());
    if (connection_.changes() == 0) break;  // no context went, so no text has
    done.pruned += static_cast<size_t>(connection_.changes());
  }
  return absl::OkStatus();
}

Status Maintainer::PruneRollups(Duration span, SystemTime before, Maintained& done) {
  FS_RETURN_IF_ERROR(statements_->delete_rollups.Bind(1, WholeSeconds(span))
                         .Bind(2, WholeSeconds(before.time_since_epoch() - span))
                         .Bind(3, kRowsASlice)
                         .Run());
  done.pruned += static_cast<size_t>(connection_.changes());
  done.more = done.more || connection_.changes() == kRowsASlice;
  return absl::OkStatus();
}

Status Maintainer::PruneEvents(int64_t before_us, Maintained& done) {
  FS_RETURN_IF_ERROR(statements_->delete_events.Bind(1, before_us).Bind(2, kRowsASlice).Run());
  done.pruned += static_cast<size_t>(connection_.changes());
  done.more = done.more || connection_.changes() == kRowsASlice;
  return absl::OkStatus();
}

Status Maintainer::PruneRuns(int64_t before_us, Maintained& done) {
  FS_RETURN_IF_ERROR(statements_->delete_run_hosts.Bind(1, before_us).Run());
  FS_RETURN_IF_ERROR(statements_->delete_runs.Bind(1, before_us).Run());
  done.pruned += static_cast<size_t>(connection_.changes());
  return absl::OkStatus();
}

}  // namespace fleetsync::db
