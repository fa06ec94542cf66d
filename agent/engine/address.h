#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fleetsync::ntp {

// Where a source listens.
struct Address {
  std::array<uint8_t, 16> ip{};  // IPv4 as ::ffff:a.b.c.d
  uint16_t port = 123;
  uint32_t scope = 0;  // interface index of a link-local address
  friend bool operator==(const Address&, const Address&) = default;
};

// As clients of that server see it: an IPv4 address is its own reference id.
constexpr uint32_t ReferenceIdOf(const Address& address) {
  uint32_t id = 0;
  for (size_t i = 12; i < 16; ++i) id = id << 8 | address.ip[i];
  return id;
}

}  // namespace fleetsync::ntp
