#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "inventory/inventory.h"

namespace fleetsync::sync {

// An NTP server that hosts are set from.
struct Server {
  std::string name;                       // as the inventory or the operator names it
  std::string address;                    // as it is asked
  const inventory::Host* host = nullptr;  // when it is a host of the inventory
};

// One chosen host and what it is set from.
struct Assignment {
  const inventory::Host* host = nullptr;
  std::vector<Server> servers;
  bool is_reference = false;  // others are set from it: it is left alone
};

// From `relays` (--relay) when there are any; else clients from their time.servers or the
// inventory's relays, and relays from their upstreams, unless chosen clients are set from them:
// those are the reference. Servers may be missing: then the host cannot ask anyone. Pure.
std::vector<Assignment> AssignServers(const inventory::Inventory& inventory,
                                      const std::vector<const inventory::Host*>& hosts,
                                      const std::vector<std::string>& relays);

// Each server once, by address, in order of appearance.
std::vector<Server> DistinctServers(const std::vector<Assignment>& assignments);

// Hosts at a time from "10" or "25%" of `total`, at least one; "" is all. InvalidArgument says
// what to write.
StatusOr<size_t> ParseSerial(const std::string& text, size_t total);

}  // namespace fleetsync::sync
