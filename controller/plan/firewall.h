#pragma once

#include <string_view>
#include <vector>

#include "base/status.h"
#include "controller/facts/facts.h"
#include "controller/plan/plan.h"
#include "controller/policy/time_policy.h"
#include "controller/render/firewall.h"

namespace fleetsync::plan {

// POSIX sh that tells what a relay's packet filter says, put before a probe.
std::string_view FirewallScript();

// From the output of both. DataLoss when it is cut off or no answer of ours.
StatusOr<render::FirewallState> ParseFirewall(std::string_view output);

// UDP 123 opened on a relay for the policy's networks, through what is in force there; what was
// opened before and is not wanted any more is closed. Nothing where no filter is in force.
StatusOr<std::vector<PlannedChange>> SetFirewallRules(const policy::TimePolicy& desired,
                                                      const facts::Facts& actual,
                                                      const render::FirewallState& state);

}  // namespace fleetsync::plan
