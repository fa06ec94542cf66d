#pragma once

#include <sys/types.h>

#include <string>

#include "base/status.h"

namespace fleetsync::daemon {

// Becomes `user` with its groups, when this process is root, and gives up every capability for
// good; new programs get none either (no_new_privs). Ends with its parent from now on. NotFound:
// no such user. Before any thread is started.
Status BecomeUnprivileged(const std::string& user, pid_t parent);

// Becomes `user`, when this process is root, and keeps nothing of root but the capabilities to set
// the clock and to bind low ports, those of them that it has; new programs get none. An empty user:
// the process stays who it is. NotFound: no such user. Before any thread is started.
Status KeepOnlyTheClock(const std::string& user);

// What it takes to start the reporter as another user, and nothing else, also for new programs.
Status KeepOnlyWhatStartsTheReporter();

// Gives `folder`, and the folders and files in it to a depth of two, to `user`: the agent's state,
// which may be another user's from an earlier run. What belongs to `other`, the reporter's
// identity, stays with it. What cannot be given is met when it is written.
void GiveState(const std::string& folder, const std::string& user, const std::string& other);

// "_fleetsync" when that user exists, else none: root without its capabilities.
std::string DefaultTimeUser();

// "fleetsync" when that user exists, else "nobody".
std::string DefaultReporterUser();

}  // namespace fleetsync::daemon
