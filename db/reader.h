#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "db/records.h"
#include "db/sqlite.h"

namespace fleetsync::db {

// A connection that changes nothing and never waits for the writer (WAL); one a thread. Each call
// sees one state of the database.
class Reader {
 public:
  // NotFound: there is no such file. DataLoss, FailedPrecondition as for Writer::Open; also an
  // older schema.
  static StatusOr<std::unique_ptr<Reader>> Open(const std::string& path);

  // Every host that ever connected, by name, with the newest of its reports.
  StatusOr<std::vector<HostRecord>> Fleet();

  // What was reported of the time from `since` to before `until`, in about `points` spans of the
  // same length, at most twice as many: a whole number of seconds, minutes, hours or days. From
  // reports while they are kept, else from their minutes, hours or days (retention.h). In the order
  // of `hosts`; one that never reported has no points.
  StatusOr<std::vector<HostHistory>> History(std::span<const std::string> hosts, SystemTime since,
                                             SystemTime until, size_t points);

  // A host's reports of its present numbering with sequences above `after`, in order, at most
  // `limit`, as far as they are kept; without their sources but the selected one's name and reach.
  // Empty for an unknown host.
  StatusOr<std::vector<Report>> Reports(std::string_view host, uint64_t after, size_t limit);

  // For what other headers of db/ read.
  Connection& connection() { return connection_; }

 private:
  explicit Reader(Connection connection) : connection_(std::move(connection)) {}

  Connection connection_;
};

}  // namespace fleetsync::db
