#pragma once

#include <optional>

#include "agent/engine/address.h"
#include "base/time.h"
#include "proto/ntp/packet.h"

namespace fleetsync::serve {

// A server's answer, and how far its time is from the system clock.
struct ServerAnswer {
  ntp::Packet packet;
  Duration offset{};
  Duration delay{};
};

// Asks once, as a client. Blocks for `patience` at most. None: nobody is there, or no good answer
// came; one of a server that is not synchronised is an answer.
std::optional<ServerAnswer> AskServer(const ntp::Address& address, Duration patience);

}  // namespace fleetsync::serve
