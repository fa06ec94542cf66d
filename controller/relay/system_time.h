#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "agent/engine/address.h"
#include "agent/serve/ask_server.h"
#include "agent/server/server_vars.h"
#include "controller/relay/upstream.h"

namespace fleetsync::relay {

// What the kernel says of its clock (adjtimex(2)).
struct KernelState {
  bool synchronised = false;  // a daemon keeps it: STA_UNSYNC is off
  ntp::Leap leap = ntp::Leap::kNone;
  Duration max_error{};
};

// Served is the system clock as it is. The daemon's word counts when it speaks NTP on this machine:
// stratum, root delay, leap. Else the kernel's: synchronised or not and its error bound; it does
// not know a stratum, so 10 is said, as chronyd's local clock.
server::ServerVars VarsOfSystemClock(Now now, const KernelState& kernel,
                                     const std::optional<serve::ServerAnswer>& daemon,
                                     int8_t precision);

// The system clock, kept by another daemon. `daemon`: where that one is asked; none: it is not.
std::unique_ptr<Upstream> MakeSystemUpstream(const std::optional<ntp::Address>& daemon,
                                             int8_t precision);

}  // namespace fleetsync::relay
