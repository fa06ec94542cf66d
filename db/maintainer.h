#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "base/status.h"
#include "db/retention.h"
#include "db/rollup.h"
#include "db/sqlite.h"

namespace fleetsync::db {

struct Maintained {
  size_t rolled_up = 0;  // reports
  size_t pruned = 0;     // rows of all tables
  bool more = false;     // there is more to do: call again soon
};

// Rolls reports up and prunes what has been kept long enough, each in a transaction of its own and
// in slices, so that whoever appends waits for some tens of milliseconds at most.
class Maintainer {
 public:
  // `connection` outlives it.
  static StatusOr<std::unique_ptr<Maintainer>> Create(Connection& connection);
  ~Maintainer();

  // Adds the reports that came since to their minutes, hours and days.
  Status RollUp(Maintained& done);
  Status Prune(SystemTime now, const Retention& retention, Maintained& done);

 private:
  struct Statements;
  using Key = std::tuple<int64_t, int64_t, int64_t>;  // span and its begin in seconds, host
  struct Slice {
    std::map<Key, Rollup> rollups;
    std::map<int64_t, int64_t> contexts;  // and the last report of each
    int64_t through = 0;
    size_t reports = 0;
  };

  explicit Maintainer(Connection& connection);
  StatusOr<Slice> ReadSlice();
  Status Store(const Slice& slice);
  Status PruneReports(int64_t before_us, Maintained& done);
  Status PruneRollups(Duration span, SystemTime before, Maintained& done);
  Status PruneEvents(int64_t before_us, Maintained& done);
  Status PruneRuns(int64_t before_us, Maintained& done);
  Status PruneTexts(Maintained& done);

  Connection& connection_;
  std::unique_ptr<Statements> statements_;
};

}  // namespace fleetsync::db
