#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "controller/cli/context.h"
#include "controller/deploy/agent_conversation.h"
#include "controller/deploy/report.h"

namespace fleetsync::cli {

// What is to be done on a host that was found in this state. It is called by one thread.
using DecideFor = std::function<StatusOr<deploy::AgentConversation::Work>(
    const inventory::Host&, const deploy::HostState&)>;

// Runs `decide` on every host, `turn` hosts at a time (0: all at once); a turn in which one fails
// is the last. Nothing when that could not even begin, which was said then.
std::optional<std::vector<deploy::HostReport>> RunOn(
    const Context& context, const std::vector<const inventory::Host*>& hosts, size_t turn,
    std::string_view doing, const DecideFor& decide);

// Prints what became of the hosts, remembers those that failed; the exit code.
int Finish(const Context& context, const std::vector<deploy::HostReport>& reports);

}  // namespace fleetsync::cli
