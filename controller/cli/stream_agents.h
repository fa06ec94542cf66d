#pragma once

#include <memory>
#include <string>

#include "base/time.h"
#include "controller/sync/agents.h"

namespace fleetsync::cli {

// The agents that are connected to the `serve` of this machine which writes the store at `db_path`;
// null when none runs. `patience`: for an agent's answer.
std::unique_ptr<sync::Agents> ConnectedAgents(const std::string& db_path, Duration patience);

}  // namespace fleetsync::cli
