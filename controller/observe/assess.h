#pragma once

#include <optional>

#include "controller/observe/observation.h"
#include "controller/status/fleet_view.h"
#include "controller/sync/sample_set.h"

namespace fleetsync::observe {

// One host's line from what its daemon says and what was measured from here (of the reference from
// the host's clock). The daemon's offset counts, being finer, while it agrees with the measurement;
// when it contradicts it, or tells no offset or no bound, the measurement does: no host is believed
// on its word. Without either the host counts as unsynchronised. `at`: when that was, by this
// machine's clock. Pure.
status::Reading Assess(const Observation& observation,
                       const std::optional<sync::Estimate>& measured, SystemTime at);

}  // namespace fleetsync::observe
