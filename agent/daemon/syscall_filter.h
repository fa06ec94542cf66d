#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace fleetsync::daemon {

// What a call outside of the list does.
enum class Forbidden : uint8_t {
  kFails,  // with EPERM
  kKills,  // the process, with SIGSYS
};

// A filter for seccomp(2) that lets these system calls pass, by number on this machine.
std::vector<sock_filter> BuildFilter(std::span<const int> allowed, Forbidden forbidden);

// From now on this process, and what it starts, makes no system calls but those that measuring and
// keeping a clock needs: no new programs, no devices, no other process. no_new_privs must be set.
Status FilterSystemCalls(Forbidden forbidden);

}  // namespace fleetsync::daemon
