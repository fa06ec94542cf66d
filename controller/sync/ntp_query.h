#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "controller/sync/reference.h"

namespace fleetsync::sync {

struct NtpQueryOptions {
  uint16_t port = 123;
  int samples = 4;  // taken one after another; a server that limits its rate answers one
  Duration patience = std::chrono::milliseconds(700);  // for one answer
  Duration deadline = std::chrono::seconds(3);         // for all servers together
};

// Asks NTP servers for the time from this machine, all at once, in the calling thread: the state of
// each as it answers, in the order of `addresses` (host names or IP addresses). Never fails as a
// whole; a server that cannot be asked says so in its state.
std::vector<RelayState> QueryServers(const std::vector<std::string>& addresses,
                                     const NtpQueryOptions& options, const std::atomic<bool>& stop);

}  // namespace fleetsync::sync
