#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "agent/engine/address.h"

namespace fleetsync::net {

// "192.0.2.1", "2001:db8::1", "fe80::1%eth0"; without the port.
std::string AddressText(const ntp::Address& address);

// The inverse; nothing is looked up. None: `text` is not an address.
std::optional<ntp::Address> ParseNumericAddress(const std::string& text, uint16_t port);

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};
SocketAddress ToSocketAddress(const ntp::Address& address);
std::optional<ntp::Address> FromSocketAddress(const sockaddr* address, uint16_t port);

}  // namespace fleetsync::net
