#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agent/engine/address.h"

namespace fleetsync::serve {

// What a server says of this machine, and where it listens.

// All addresses, of IPv6 as well where there is IPv6.
std::vector<ntp::Address> AllAddresses(uint16_t port);

// As other relays see this one: the first IPv4 address that it was told to listen on, else the
// lowest of this machine; 0: it has none but the loopback.
uint32_t OwnReferenceId(std::span<const ntp::Address> listening);

// log2 of how long it takes to read the clock, which no stamp can be better than.
int8_t MeasurePrecision();

}  // namespace fleetsync::serve
