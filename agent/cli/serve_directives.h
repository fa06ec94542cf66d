#pragma once

#include <string_view>

#include "agent/cli/config_file.h"
#include "agent/cli/config_value.h"

namespace fleetsync::agent {

// The directives of agent.conf about serving time, as chrony.conf(5) has them. `words` follow the
// directive's name.

inline constexpr int kMostWorkers = 16;

Error SetAllow(Words words, AgentConfig& config);
Error SetDeny(Words words, AgentConfig& config);
Error SetLocal(Words words, AgentConfig& config);
Error SetRateLimit(Words words, AgentConfig& config);
Error SetBindAddress(std::string_view value, AgentConfig& config);

}  // namespace fleetsync::agent
