#pragma once

#include <cstdint>

#include "tests/sim/scenarios.h"

namespace fleetsync::sim {

// Networks, oscillators and servers that nobody has thought of: drawn at random, the same one for
// the same number. Paths of 50 us to 60 ms, uneven, lossy, congested, rerouted; oscillators from
// good to poor; one to five servers, among three or more one that lies.
Scenario DrawScenario(uint64_t number);

// Runs it, at polls that depend on the number as well.
Outcome RunDrawn(const Scenario& drawn, uint64_t number);

}  // namespace fleetsync::sim
