#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "controller/sync/decide.h"
#include "controller/sync/host_result.h"

namespace fleetsync::sync {

// What one connected agent made of the command to set its clock.
struct AgentAnswer {
  enum class Kind : uint8_t { kAbsent, kSilent, kDone, kRefused, kFailed };
  Kind kind = Kind::kAbsent;  // kAbsent: not connected, nothing was done
  std::string text;           // why not
  Estimate before, after;
};

// What an agent is allowed to do, of which hosts may have their own.
struct AgentLimits {
  bool allow_backward = false;
  Duration largest_step = std::chrono::seconds(1000);

  auto operator<=>(const AgentLimits&) const = default;
};
AgentLimits LimitsOf(const StepPolicy& policy);

// The agents that are connected to a running `serve`.
class Agents {
 public:
  virtual ~Agents() = default;
  // Commands those of `hosts` that are connected; blocks until all have answered or are given up,
  // and tells each once, on this thread. An error: nobody could be asked.
  using OnAnswer = std::function<void(const std::string& host, const AgentAnswer& answer)>;
  virtual Status SyncNow(const std::vector<std::string>& hosts, const AgentLimits& limits,
                         const OnAnswer& on_answer) = 0;
};

// A host's result by its agent's answer; nothing when SSH has to do it: the agent is not there,
// only observes, or cannot. An agent that took the command and fell silent may have set the clock:
// SSH measures it. Pure.
std::optional<HostResult> FromAgent(const HostResult& prepared, const AgentAnswer& answer,
                                    const StepPolicy& policy);

}  // namespace fleetsync::sync
