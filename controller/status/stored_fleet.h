#pragma once

#include <span>
#include <vector>

#include "controller/status/fleet_view.h"
#include "db/records.h"
#include "inventory/inventory.h"

namespace fleetsync::status {

// What the view needs of one host: from the inventory alone, without a reading.
HostInput InputOf(const inventory::Host& host);

// Hosts that are expected, as InputOf makes them, with what the store knows about them. The times
// of events become the controller's, as well as the report tells how the host's clock differs from
// it.
std::vector<HostInput> InputsOf(std::vector<HostInput> expected,
                                std::span<const db::HostRecord> records);

// The chosen hosts with what the store knows about them, in the order of `hosts`. Hosts that the
// store alone knows are left out.
std::vector<HostInput> StoredFleet(std::span<const inventory::Host* const> hosts,
                                   std::span<const db::HostRecord> records);

}  // namespace fleetsync::status
