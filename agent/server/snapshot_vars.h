#pragma once

#include <cstdint>

#include "agent/server/server_vars.h"

namespace fleetsync::server {

// What an engine's snapshots make a server say, one after the other: a holdover goes on by the last
// that was synchronised.
class SnapshotVars {
 public:
  explicit SnapshotVars(int8_t precision) : precision_(precision) {}

  ServerVars Take(const ntp::Snapshot& snapshot);

 private:
  int8_t precision_;
  ServerVars last_;
};

}  // namespace fleetsync::server
