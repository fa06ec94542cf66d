#pragma once

#include <string_view>

namespace fleetsync::deploy {

// Files of the source tree inside the program.
std::string_view AgentProbeScript();  // agent_probe.sh
std::string_view InstallScript();     // install.sh
std::string_view SystemdUnit();       // packaging/fleetsync-agent.service, with its @…@
std::string_view SysvScript();        // packaging/fleetsync-agent.init
std::string_view OpenrcScript();      // fleetsync-agent.openrc

}  // namespace fleetsync::deploy
