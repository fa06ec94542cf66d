#pragma once

#include "inventory/inventory.h"

namespace fleetsync::inventory {

// What is not wrong in the file but in the fleet that it describes: as warnings, clients without
// time servers, too few relays or upstreams (RFC 8633, 3.2), two names for one address, upstreams
// that are addresses; as errors, what CheckTimeGraph finds. For `inventory check`.
Diagnostics Check(const Inventory& inventory);

}  // namespace fleetsync::inventory
