#include "agent/server/snapshot_vars.h"

namespace fleetsync::server {

ServerVars SnapshotVars::Take(const ntp::Snapshot& snapshot) {
  const ServerVars vars = FromSnapshot(snapshot, precision_, last_);
  if (vars.synchronised()) last_ = vars;
  return vars;
}

}  // namespace fleetsync::server
