#pragma once

#include <vector>

#include "inventory/inventory.h"

namespace fleetsync::inventory {

// Who would take time from whom, as far as these hosts are concerned: what must not be pushed, as
// errors. Relays that take their time from one another in a circle; two sources, of which none can
// be told to be the wrong one (RFC 8633, 3.2), unless time.two_sources allows them; sources that
// smear leap seconds beside sources that do not; symmetric peers on clients; relays whose own clock
// would pass for a better one than their upstreams'.
Diagnostics CheckTimeGraph(const Inventory& inventory, const std::vector<const Host*>& hosts);

}  // namespace fleetsync::inventory
