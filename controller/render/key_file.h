#pragma once

#include <string>

#include "base/status.h"
#include "controller/facts/facts.h"
#include "controller/policy/time_policy.h"

namespace fleetsync::render {

// The daemon's key file (chrony.keys(5), ntp.keys(5)), with its heading; the policy has keys. It
// holds secrets: it goes to the host and nowhere else. InvalidArgument, naming host, daemon and
// key, for a key that the daemon's file cannot hold.
StatusOr<std::string> KeyFile(const policy::TimePolicy& policy, facts::Daemon daemon);

}  // namespace fleetsync::render
