#pragma once

#include <string>
#include <string_view>

#include "controller/facts/facts.h"

namespace fleetsync::facts {

// The last value of `directive` ("driftfile") in a configuration text, comments skipped, quotes
// removed; empty when it is not there.
std::string DirectiveValue(std::string_view config, std::string_view directive);

// Fills what the probe does not tell about a daemon: drift and key paths from its configuration
// file, else, like the path of that file, what its distribution uses.
void FillPaths(DaemonFact& daemon, const Facts& facts);

}  // namespace fleetsync::facts
