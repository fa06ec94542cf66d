#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace fleetsync::db {

// What a look at the whole database found.
struct CheckReport {
  int64_t schema = 0;
  int64_t bytes = 0;                                  // of the file, without its log
  int64_t free_bytes = 0;                             // that a vacuum would give back
  int64_t log_bytes = 0;                              // of FILE-wal
  std::vector<std::pair<std::string, int64_t>> rows;  // of each table, by name
  std::vector<std::string> problems;                  // empty: sound
};

// Reads all of it: pages and indexes (integrity_check), references, the numbering of reports. It
// changes nothing and may run while the database is written. What is damaged is among the problems,
// also when nothing of it can be read; an error is what has nothing to do with damage: NotFound,
// PermissionDenied, FailedPrecondition (another program's file, or a newer fleetsync's).
StatusOr<CheckReport> CheckDatabase(const std::string& path);

}  // namespace fleetsync::db
