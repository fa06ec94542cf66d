#include "controller/sync/agents.h"

namespace fleetsync::sync {

AgentLimits LimitsOf(const StepPolicy& policy) {
  return {.allow_backward = policy.allow_backward && !policy.forbid_backward,
          .largest_step = policy.max_step};
}

std::optional<HostResult> FromAgent(const HostResult& prepared, const AgentAnswer& answer,
                                    const StepPolicy& policy) {
  HostResult result = prepared;
  result.tool = "agent";
  result.before = answer.before;
  const Decision decision = Decide(answer.before, policy);
  switch (answer.kind) {
    case AgentAnswer::Kind::kDone:
      result.after = answer.after;
      result.outcome = decision.action == Action::kLeave ? Outcome::kLeft : Outcome::kSet;
      result.detail = result.outcome == Outcome::kLeft ? decision.why : "";
      return result;
    case AgentAnswer::Kind::kRefused:
      result.outcome = Outcome::kRefused;
      result.detail = decision.action == Action::kRefuse ? decision.why : answer.text;
      return result;
    case AgentAnswer::Kind::kAbsent:
    case AgentAnswer::Kind::kSilent:
    case AgentAnswer::Kind::kFailed:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace fleetsync::sync
