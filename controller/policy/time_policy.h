#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "controller/policy/key_ring.h"
#include "inventory/inventory.h"
#include "inventory/network.h"

namespace fleetsync::policy {

// Which daemon is to keep a host's clock.
enum class DaemonChoice : uint8_t {
  kAuto,  // the one that runs, else the one that is installed
  kChrony,
  kNtp,  // ntpd, whichever of the two is installed
  kNtpsec,
  kOpenntpd,
  kTimesyncd,
  kAgent,  // fleetsync's own
  kNone,   // no daemon: a periodic job sets the clock
};

// What a host's time service should be, whatever the daemon. Made from the inventory alone: the
// same inventory gives the same policy.
struct TimePolicy {
  std::string host;
  std::string inventory;  // base name of the file, for the heading of rendered files
  inventory::Role role = inventory::Role::kClient;
  DaemonChoice daemon = DaemonChoice::kAuto;
  std::vector<inventory::TimeSource> sources;  // relays: the upstreams; clients: the relays
  std::vector<inventory::Network> allow;       // whom a relay serves; empty on clients
  std::optional<int> local_stratum;            // relays alone
  std::vector<std::string> extra;              // the user's own lines, printable
  inventory::TimeSettings settings;            // all of the host's, as the inventory has them
  KeyRing keys;  // of settings.keys, once their secrets have been read; null: none
};

// InvalidArgument, naming the host: a client without any relay or server, a relay with neither
// upstreams nor a local stratum, a value that no configuration file can hold.
StatusOr<TimePolicy> FromInventory(const inventory::Inventory& inventory,
                                   const inventory::Host& host);

// Networks of the inventory's hosts, for relays without `allow`: the /24 or /64 around each
// address; the private ranges (RFC 1918, RFC 4193, link-local) as well as soon as one host is known
// by name alone.
std::vector<inventory::Network> DeriveAllow(const inventory::Inventory& inventory);

}  // namespace fleetsync::policy
