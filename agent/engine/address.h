#pragma once

#include <array>
#include <cstdint>

namespace fleetsync::ntp {

// Where a source listens.
struct Address {
  std::array<uint8_t, 16> ip{};  // IPv4 as ::ffff:a.b.c.d
  uint16_t port = 123;
  uint32_t scope = 0;  // interface index of a link-local address
  friend bool operator==(const Address&, const Address&) = default;
};

}  // namespace fleetsync::ntp
