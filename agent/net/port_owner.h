#pragma once

#include <cstdint>
#include <string>

namespace fleetsync::net {

// The program that has a UDP socket on this port: "chronyd (process 812)". Empty: it cannot be
// found, as in another user's process without root.
std::string UdpPortOwner(uint16_t port);

}  // namespace fleetsync::net
