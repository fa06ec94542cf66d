#pragma once

#include <set>
#include <string>
#include <vector>

#include "controller/cli/context.h"
#include "controller/policy/time_policy.h"
#include "controller/push/rollout.h"

namespace fleetsync::cli {

// Keeps hosts from being told to follow a source that is wrong: each source that no push has given
// out so far is asked once, before any host is contacted. Those that were are a file beside the
// database, a name a line.
class SourceGate {
 public:
  explicit SourceGate(const Context& context);

  // False when a source is refused; why, and what could not be looked at, is said on standard
  // error. Relays among the chosen hosts are not asked: they are waited for in the run itself.
  bool Admit(const Chosen& chosen, const std::vector<policy::TimePolicy>& policies);
  // Takes over the sources of hosts that have them now. `policies` are in the order of `results`.
  void Remember(const std::vector<push::HostResult>& results,
                const std::vector<policy::TimePolicy>& policies);

 private:
  const Context& context_;
  std::string path_;
  std::set<std::string> known_;
};

}  // namespace fleetsync::cli
