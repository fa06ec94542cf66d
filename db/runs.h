#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "db/sqlite.h"

namespace fleetsync::db {

// What a run did to one host. No secrets, no file contents.
struct RunHost {
  std::string host;
  std::string outcome;  // "changed", "unchanged", "failed", "skipped"
  std::string detail;   // "chrony.conf, restarted chrony"; why it failed

  bool operator==(const RunHost&) const = default;
};

// One push or rollback: who did what, when, and what came of it.
struct Run {
  std::string id;
  std::string command;     // "push", "rollback"
  std::string user;        // who ran it: "ada" or, through sudo, "ada as root"
  std::string controller;  // the machine it was run on
  std::string inventory;   // the file
  SystemTime started;
  std::optional<SystemTime> finished;  // nothing: it was killed, or goes on
  std::vector<RunHost> hosts;
};

// One transaction; a run with the same id is replaced.
Status RecordRun(Connection& connection, const Run& run);

// Newest first, at most `limit`, with their hosts.
StatusOr<std::vector<Run>> ReadRuns(Connection& connection, size_t limit);
// NotFound when there is none of this id.
StatusOr<Run> ReadRun(Connection& connection, std::string_view id);

}  // namespace fleetsync::db
