#include "db/runs.h"

#include <utility>

#include "db/units.h"
#include "fmt/format.h"

namespace fleetsync::db {
namespace {

constexpr std::string_view kColumns =
    "SELECT run, command, user, controller, inventory, started_us, finished_us FROM runs";

Run RunOf(const Statement& row) {
  Run run{.id = row.Text(0),
          .command = row.Text(1),
          .user = row.Text(2),
          .controller = row.Text(3),
          .inventory = row.Text(4),
          .started = InstantFromMicroseconds(row.Integer(5)),
          .finished = {},
          .hosts = {}};
  if (const int64_t finished = row.Integer(6); finished != 0)
    run.finished = InstantFromMicroseconds(finished);
  return run;
}

Status ReadHosts(Connection& connection, Run& run) {
  FS_ASSIGN_OR_RETURN(
      Statement rows,
      connection.Prepare(
          "SELECT host, outcome, detail FROM run_hosts WHERE run = ? ORDER BY position"));
  rows.Bind(1, run.id);
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool more, rows.Step());
    if (!more) return absl::OkStatus();
    run.hosts.push_back({rows.Text(0), rows.Text(1), rows.Text(2)});
  }
}

}  // namespace

Status RecordRun(Connection& connection, const Run& run) {
  FS_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  FS_ASSIGN_OR_RETURN(Statement forget, connection.Prepare("DELETE FROM run_hosts WHERE run = ?"));
  FS_RETURN_IF_ERROR(forget.Bind(1, run.id).Run());
  FS_ASSIGN_OR_RETURN(
      Statement add,
      connection.Prepare("INSERT OR REPLACE INTO runs (run, command, user, controller, inventory,"
                         " started_us, finished_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  add.Bind(1, run.id).Bind(2, run.command).Bind(3, run.user).Bind(4, run.controller);
  add.Bind(5, run.inventory).Bind(6, Microseconds(run.started));
  FS_RETURN_IF_ERROR(add.Bind(7, run.finished ? Microseconds(*run.finished) : int64_t{0}).Run());
  FS_ASSIGN_OR_RETURN(
      Statement add_host,
      connection.Prepare("INSERT INTO run_hosts (run, position, host, outcome, detail)"
                         " VALUES (?1, ?2, ?3, ?4, ?5)"));
  int64_t position = 0;
  for (const RunHost& host : run.hosts) {
    add_host.Bind(1, run.id).Bind(2, position++).Bind(3, host.host);
    FS_RETURN_IF_ERROR(add_host.Bind(4, host.outcome).Bind(5, host.detail).Run());
  }
  return transaction.Commit();
}

StatusOr<std::vector<Run>> ReadRuns(Connection& connection, size_t limit) {
  FS_ASSIGN_OR_RETURN(const Transaction snapshot, Transaction::BeginRead(connection));
  FS_ASSIGN_OR_RETURN(
      Statement rows,
      connection.Prepare(fmt::format("{} ORDER BY started_us DESC, run DESC LIMIT ?", kColumns)));
  rows.Bind(1, static_cast<int64_t>(limit));
  std::vector<Run> runs;
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool more, rows.Step());
    if (!more) break;
    runs.push_back(RunOf(rows));
  }
  for (Run& run : runs) FS_RETURN_IF_ERROR(ReadHosts(connection, run));
  return runs;
}

StatusOr<Run> ReadRun(Connection& connection, std::string_view id) {
  FS_ASSIGN_OR_RETURN(const Transaction snapshot, Transaction::BeginRead(connection));
  FS_ASSIGN_OR_RETURN(Statement row, connection.Prepare(fmt::format("{} WHERE run = ?", kColumns)));
  row.Bind(1, id);
  FS_ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return absl::NotFoundError(fmt::format("there is no run {}", id));
  Run run = RunOf(row);
  FS_RETURN_IF_ERROR(ReadHosts(connection, run));
  return run;
}

}  // namespace fleetsync::db
