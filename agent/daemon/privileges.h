#pragma once

#include <sys/types.h>

#include <string>

#include "base/status.h"

namespace fleetsync::daemon {

// Becomes `user` with its groups, when this process is root, and gives up every capability for
// good; new programs get none either (no_new_privs). Ends with its parent from now on. NotFound:
// no such user. Before any thread is started.
Status BecomeUnprivileged(const std::string& user, pid_t parent);

// "fleetsync" when that user exists, else "nobody".
std::string DefaultReporterUser();

}  // namespace fleetsync::daemon
