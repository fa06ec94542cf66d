#include "db/schema.h"

#include "fmt/format.h"

namespace fleetsync::db {
namespace {

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
