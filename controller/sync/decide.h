#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "controller/sync/sample_set.h"

namespace fleetsync::sync {

// The host's settings and the operator's flags, joined.
struct StepPolicy {
  Duration tolerance = std::chrono::milliseconds(10);
  Duration max_step = std::chrono::seconds(1000);  // ntpd's panic threshold
  bool allow_backward = false;                     // --allow-backward
  bool forbid_backward = false;  // the inventory's word for this host; no flag overrides it
  bool force = false;            // set clocks that are within the tolerance as well
};

enum class Action : uint8_t { kLeave, kSet, kRefuse };

struct Decision {
  Action action = Action::kLeave;
  std::string why;  // for kLeave and kRefuse
};

// Whether to set a clock that is off by `before`. Pure.
Decision Decide(const Estimate& before, const StepPolicy& policy);

// What a measured offset says about a clock.
enum class Verdict : uint8_t {
  kWithin,    // proven: |offset| + bound is within the tolerance
  kUnproven,  // |offset| is, but the bound reaches beyond it
  kOutside,
};
Verdict Judge(const Estimate& estimate, Duration tolerance);

}  // namespace fleetsync::sync
