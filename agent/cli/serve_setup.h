#pragma once

#include <cstdint>

#include "agent/cli/config_file.h"
#include "agent/daemon/serving.h"
#include "agent/engine/config.h"

namespace fleetsync::agent {

// How `config` is served, but for the keys. What the host says of itself when it serves, its
// precision and its address among orphans, becomes the engine's. `seed`: hard to guess.
daemon::ServingConfig ServingOf(const ServeConfig& config, uint64_t seed,
                                ntp::EngineConfig& engine);

}  // namespace fleetsync::agent
