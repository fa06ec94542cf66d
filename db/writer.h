#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "db/lock_file.h"
#include "db/records.h"
#include "db/sqlite.h"

namespace fleetsync::db {

// A host's agent has connected.
struct Arrival {
  std::string host;
  std::string agent_version;
  SystemTime at;  // the controller's clock
  std::string spool_id{};  // of the numbering of its reports; empty: the agent tells none
};

struct Appended {
  size_t stored = 0;
  size_t duplicates = 0;  // were there already, by (host, sequence)
  // For each arrival: the highest sequence on disk for its host, this call's reports included.
  std::vector<uint64_t> stored_through;
};

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
  // later.
  StatusOr<Appended> Append(std::span<const Arrival> arrivals, std::span<const Report> reports);

  const std::string& path() const { return connection_.path(); }
  // For tests and maintenance that need SQL of their own.
  Connection& connection() { return connection_; }

 private:
  struct Statements;
  struct KnownHost {
    int64_t host_id = 0;
    uint64_t stored_through = 0;
  };
  // The newest report that a transaction has stored for a host, and its time of arrival.
  struct Advance {
    const Report* newest = nullptr;
    SystemTime seen;
  };
  using Advances = std::map<std::string, Advance, std::less<>>;

  Writer(LockFile lock, Connection connection);
  StatusOr<Appended> AppendInTransaction(std::span<const Arrival> arrivals,
                                         std::span<const Report> reports);
  StatusOr<KnownHost*> FindOrAddHost(std::string_view name, SystemTime seen);
  StatusOr<int64_t> TextId(std::string_view text);
  Status RecordArrival(const Arrival& arrival);
  StatusOr<bool> Insert(const Report& report, int64_t host_id);
  Status RecordAdvance(const Advance& advance, KnownHost& host);
  Status ReplaceSources(const Report& report, int64_t host_id);

  LockFile lock_;
  Connection connection_;
  std::unique_ptr<Statements> statements_;
  // What the database holds, so that a report costs no look-up; forgotten when a transaction fails.
  std::map<std::string, KnownHost, std::less<>> hosts_;
  std::map<std::string, int64_t, std::less<>> texts_;
};

}  // namespace fleetsync::db
