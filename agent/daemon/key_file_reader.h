#pragma once

#include <string>

#include "agent/daemon/complaint.h"
#include "base/status.h"
#include "proto/ntp/key_store.h"

namespace fleetsync::daemon {

// The keys of a file as chrony.keys(5) has them; what is left out is logged. The Status names the
// file, the line and the cause, never a key: it cannot be read, everybody can read it, a line is
// wrong.
StatusOr<ntp::KeyStore> ReadKeyFile(const std::string& path, const Log& log);

}  // namespace fleetsync::daemon
