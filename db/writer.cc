#include "db/writer.h"

#include <utility>

#include "db/database_file.h"
#include "db/schema.h"

namespace fleetsync::db {
namespace {

// A batch of reports of a thousand hosts changes some 200 pages; moved into the database only every
// 16 MB, a page that many batches change is written there once.
constexpr const char* kPragmas =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;"
    "PRAGMA cache_size = -16384;";

}  // namespace

Writer::Writer(LockFile lock, Connection connection)
    : lock_(std::move(lock)), connection_(std::move(connection)) {}

Writer::~Writer() = default;

StatusOr<std::unique_ptr<Writer>> Writer::Open(const std::string& path) {
  // Two names of one file must meet at one lock.
  FS_ASSIGN_OR_RETURN(const std::string file, PrepareDatabaseFile(path));
  FS_ASSIGN_OR_RETURN(LockFile lock, LockFile::Acquire(file + ".lock"));
  FS_RETURN_IF_ERROR(CheckNotEmptied(file));
  FS_ASSIGN_OR_RETURN(Connection connection, Connection::Open(file, Connection::Mode::kReadWrite));
  FS_RETURN_IF_ERROR(CheckOwner(connection));
  FS_RETURN_IF_ERROR(connection.Execute(kPragmas));
  FS_RETURN_IF_ERROR(Migrate(connection));
  std::unique_ptr<Writer> writer(new Writer(std::move(lock), std::move(connection)));
  FS_ASSIGN_OR_RETURN(writer->appender_, Appender::Create(writer->connection_));
  FS_ASSIGN_OR_RETURN(writer->maintainer_, Maintainer::Create(writer->connection_));
  return writer;
}

StatusOr<Appended> Writer::Append(std::span<const Arrival> arrivals,
                                  std::span<const Report> reports,
                                  std::span<const Measurement> measurements) {
  StatusOr<Appended> appended = AppendInTransaction(arrivals, reports, measurements);
  if (!appended.ok()) appender_->Forget();
  return appended;
}

StatusOr<Appended> Writer::AppendInTransaction(std::span<const Arrival> arrivals,
                                               std::span<const Report> reports,
                                               std::span<const Measurement> measurements) {
  FS_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection_));
  FS_ASSIGN_OR_RETURN(Appended appended, appender_->Append(arrivals, reports, measurements));
  FS_RETURN_IF_ERROR(transaction.Commit());
  return appended;
}

StatusOr<Maintained> Writer::Maintain(SystemTime now, const Retention& retention) {
  Maintained done;
  const Status rolled_up = maintainer_->RollUp(done);
  // On a full disk what can be pruned makes the room to go on.
  if (!rolled_up.ok() && !absl::IsResourceExhausted(rolled_up)) return rolled_up;
  const Status pruned = maintainer_->Prune(now, retention, done);
  if (!pruned.ok() || done.pruned > 0) appender_->Forget();
  FS_RETURN_IF_ERROR(pruned);
  FS_RETURN_IF_ERROR(rolled_up);
  // Passive: waits for no reader; what one keeps it from moving goes the next time.
  FS_RETURN_IF_ERROR(connection_.Integer("PRAGMA wal_checkpoint(PASSIVE)").status());
  return done;
}

Status Writer::Vacuum() {
  FS_RETURN_IF_ERROR(connection_.Execute("VACUUM"));
  return connection_.Integer("PRAGMA wal_checkpoint(TRUNCATE)").status();
}

}  // namespace fleetsync::db
