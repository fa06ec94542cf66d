#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fleetsync::inventory {

// An IPv4 or IPv6 address in network byte order.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};
  int bits = 32;  // 32 or 128
};
std::optional<IpAddress> ParseIpAddress(std::string_view text);

// With an IPv6 zone ("fe80::1%eth0") as well.
bool IsIpAddress(std::string_view text);

// Reachable from the Internet: in none of the ranges that RFC 6890 sets aside.
bool IsPublic(const IpAddress& address);

struct Network {
  IpAddress address;
  int prefix = 32;
};
// "192.168.11.0/24", "fd00::/8", or one address. Bits right of the prefix may be set.
std::optional<Network> ParseNetwork(std::string_view text);

// The network without the bits right of its prefix: "192.168.44.130/24" → "192.168.44.0/24"; one
// address stays without a prefix.
std::string ToString(const Network& network);

}  // namespace fleetsync::inventory
