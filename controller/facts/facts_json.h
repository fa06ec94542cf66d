#pragma once

#include <string>

#include "controller/facts/facts.h"
#include "nlohmann/json.hpp"

namespace fleetsync::facts {

// All facts but the files' contents, which are given as their length.
nlohmann::ordered_json ToJson(const Facts& facts);

}  // namespace fleetsync::facts
