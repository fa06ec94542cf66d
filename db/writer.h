#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/status.h"
#include "db/appender.h"
#include "db/lock_file.h"
#include "db/maintainer.h"
#include "db/records.h"
#include "db/retention.h"
#include "db/sqlite.h"

namespace fleetsync::db {

// The only connection that writes (and checkpoints): one in a process, one process for a database.
// Used by one thread at a time.
class Writer {
 public:
  // Creates the folder (0700) and the file (0600) where they are missing, brings the schema up to
  // date. Unavailable: another process writes it. DataLoss: damaged, and left as it is.
  // FailedPrecondition: another program's file, or a newer fleetsync's. PermissionDenied.
  static StatusOr<std::unique_ptr<Writer>> Open(const std::string& path);
  ~Writer();

  // One transaction. When it returns OK everything is on disk and survives kill -9 and power loss;
  // otherwise nothing of it is. ResourceExhausted: the disk is full; the same call may succeed
  // later. The reports of a host are in the order in which its agent sent them.
  StatusOr<Appended> Append(std::span<const Arrival> arrivals, std::span<const Report> reports,
                            std::span<const Measurement> measurements = {});

  // To be called about once a minute, and again while there is more to do: rolls up, prunes, and
  // moves what it can from the log (-wal) into the database. `now` by the controller's clock. A
  // failure leaves nothing half done; as Append's, it may pass.
  StatusOr<Maintained> Maintain(SystemTime now, const Retention& retention = {});

  // Gives the room that pruned rows have left back to the file system. Needs as much room again
  // while it works, and takes long: nothing is appended meanwhile.
  Status Vacuum();

  const std::string& path() const { return connection_.path(); }
  // For tests and maintenance that need SQL of their own.
  Connection& connection() { return connection_; }

 private:
  Writer(LockFile lock, Connection connection);
  StatusOr<Appended> AppendInTransaction(std::span<const Arrival> arrivals,
                                         std::span<const Report> reports,
                                         std::span<const Measurement> measurements);

  LockFile lock_;
  Connection connection_;
  std::unique_ptr<Appender> appender_;
  std::unique_ptr<Maintainer> maintainer_;
};

}  // namespace fleetsync::db
