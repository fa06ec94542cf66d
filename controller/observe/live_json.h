#pragma once

#include "controller/observe/observation.h"
#include "nlohmann/json.hpp"

namespace fleetsync::observe {

// All that a daemon said, for `-o json`: keys with _ns are nanoseconds, offsets positive when the
// source or reference is ahead of the host's clock; null: not told.
nlohmann::ordered_json ToJson(const Observation& observation);

}  // namespace fleetsync::observe
