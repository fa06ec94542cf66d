#include "db/schema.h"

#include "fmt/format.h"

namespace fleetsync::db {
namespace {

// reports: one row a report, kept in the order of (host, sequence), which is the order they are
// asked for in. What repeats (boot ids, names of daemons and sources) is kept once, in texts.
// sources: those of each host's newest report alone.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE texts (
  text_id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE hosts (
  host_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  agent_version TEXT NOT NULL,
  first_seen_us INTEGER NOT NULL,
  last_seen_us INTEGER NOT NULL,
  stored_through INTEGER NOT NULL
) STRICT;

CREATE TABLE reports (
  host_id INTEGER NOT NULL REFERENCES hosts,
  sequence INTEGER NOT NULL CHECK (sequence > 0),
  boot_id INTEGER NOT NULL REFERENCES texts,
  host_time_us INTEGER NOT NULL,
  monotonic_us INTEGER NOT NULL,
  received_us INTEGER NOT NULL,
  offset_ns INTEGER NOT NULL,
  error_bound_ns INTEGER NOT NULL CHECK (error_bound_ns >= 0),
  stratum INTEGER NOT NULL CHECK (stratum BETWEEN 0 AND 16),
  leap INTEGER NOT NULL CHECK (leap BETWEEN 0 AND 3),
  frequency_ppb INTEGER NOT NULL,
  root_delay_ns INTEGER NOT NULL,
  root_dispersion_ns INTEGER NOT NULL,
  jitter_ns INTEGER NOT NULL,
  daemon INTEGER NOT NULL REFERENCES texts,
  source INTEGER NOT NULL REFERENCES texts,
  reach INTEGER NOT NULL CHECK (reach BETWEEN 0 AND 255),
  PRIMARY KEY (host_id, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE sources (
  host_id INTEGER NOT NULL REFERENCES hosts,
  position INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  state INTEGER NOT NULL,
  stratum INTEGER NOT NULL,
  reach INTEGER NOT NULL,
  poll INTEGER NOT NULL,
  offset_ns INTEGER NOT NULL,
  delay_ns INTEGER NOT NULL,
  jitter_ns INTEGER NOT NULL,
  last_sample_age_us INTEGER NOT NULL,
  reference_id TEXT NOT NULL,
  PRIMARY KEY (host_id, position)
) STRICT, WITHOUT ROWID;

-- For people with sqlite3 at hand.
CREATE VIEW history AS
SELECT hosts.name AS host, reports.sequence,
  strftime('%Y-%m-%dT%H:%M:%SZ', reports.received_us / 1000000, 'unixepoch') AS received,
  reports.offset_ns / 1e6 AS offset_ms, reports.error_bound_ns / 1e6 AS error_bound_ms,
  reports.stratum, reports.leap, printf('%03o', reports.reach) AS reach,
  source.text AS source, reports.frequency_ppb / 1e3 AS frequency_ppm, daemon.text AS daemon
FROM reports
JOIN hosts ON hosts.host_id = reports.host_id
JOIN texts AS source ON source.text_id = reports.source
JOIN texts AS daemon ON daemon.text_id = reports.daemon;

CREATE VIEW fleet AS
SELECT history.* FROM hosts
JOIN history ON history.host = hosts.name AND history.sequence = hosts.stored_through;
)sql";

// The record of what was done to hosts. finished_us 0: killed, or still at work.
constexpr const char* kVersion2 = R"sql(
CREATE TABLE runs (
  run TEXT PRIMARY KEY,
  command TEXT NOT NULL,
  user TEXT NOT NULL,
  controller TEXT NOT NULL,
  inventory TEXT NOT NULL,
  started_us INTEGER NOT NULL,
  finished_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_time ON runs (started_us);

CREATE TABLE run_hosts (
  run TEXT NOT NULL REFERENCES runs,
  position INTEGER NOT NULL,
  host TEXT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (run, position)
) STRICT, WITHOUT ROWID;
)sql";

constexpr Migration kMigrations[] = {{.version = 1, .sql = kVersion1},
                                     {.version = 2, .sql = kVersion2}};

struct FileIdentity {
  int64_t application_id = 0;
  int64_t version = 0;
  bool empty = false;
};

StatusOr<FileIdentity> Identify(Connection& connection) {
  FS_ASSIGN_OR_RETURN(const int64_t application, connection.Integer("PRAGMA application_id"));
  FS_ASSIGN_OR_RETURN(const int64_t version, connection.Integer("PRAGMA user_version"));
  FS_ASSIGN_OR_RETURN(const int64_t objects,
                      connection.Integer("SELECT count(*) FROM sqlite_schema"));
  return FileIdentity{.application_id = application,
                      .version = version,
                      .empty = application == 0 && version == 0 && objects == 0};
}

Status CheckIdentity(const FileIdentity& identity, const std::string& path, int64_t known) {
  if (!identity.empty && identity.application_id != kApplicationId)
    return absl::FailedPreconditionError(
        fmt::format("{} is another program's SQLite database; name another file with --db", path));
  if (identity.version > known)
    return absl::FailedPreconditionError(fmt::format(
        "{} was written by a newer fleetsync (schema {}, this one knows {}); use that one", path,
        identity.version, known));
  return absl::OkStatus();
}

Status Apply(Connection& connection, const Migration& migration) {
  FS_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  FS_RETURN_IF_ERROR(connection.Execute(migration.sql));
  FS_RETURN_IF_ERROR(
      connection.Execute(fmt::format("PRAGMA user_version = {}", migration.version)));
  FS_RETURN_IF_ERROR(connection.Execute(fmt::format("PRAGMA application_id = {}", kApplicationId)));
  return transaction.Commit();
}

}  // namespace

std::span<const Migration> Migrations() { return kMigrations; }

Status CheckOwner(Connection& connection, std::span<const Migration> migrations) {
  FS_ASSIGN_OR_RETURN(const FileIdentity identity, Identify(connection));
  return CheckIdentity(identity, connection.path(), migrations.back().version);
}

Status Migrate(Connection& connection, std::span<const Migration> migrations) {
  FS_ASSIGN_OR_RETURN(const FileIdentity identity, Identify(connection));
  FS_RETURN_IF_ERROR(CheckIdentity(identity, connection.path(), migrations.back().version));
  for (const Migration& migration : migrations) {
    if (migration.version <= identity.version) continue;
    FS_RETURN_IF_ERROR(
        Annotate(Apply(connection, migration),
                 fmt::format("migrating the database to schema {}", migration.version)));
  }
  return absl::OkStatus();
}

Status CheckSchema(Connection& connection) {
  const int64_t known = Migrations().back().version;
  FS_ASSIGN_OR_RETURN(const FileIdentity identity, Identify(connection));
  FS_RETURN_IF_ERROR(CheckIdentity(identity, connection.path(), known));
  if (identity.version < known)
    return absl::FailedPreconditionError(fmt::format(
        "{} has the older schema {} (this fleetsync reads {}); 'fleetsync serve' brings "
        "it up to date when it starts",
        connection.path(), identity.version, known));
  return absl::OkStatus();
}

}  // namespace fleetsync::db
