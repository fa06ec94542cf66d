#include "controller/sync/decide.h"

#include <algorithm>

#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::sync {
namespace {

// The limit to write after --max-step: a little above what is needed, in whole seconds.
std::string RoundedUp(Duration offset) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(Abs(offset)).count();
  return fmt::format("{}s", seconds + 1);
}

}  // namespace

Decision Decide(const Estimate& before, const StepPolicy& policy) {
  const Duration size = Abs(before.offset);
  const bool within = size <= policy.tolerance;
  // What is smaller than the error of the measurement is not known to be there.
  const bool insignificant = size <= before.bound;
  if ((within || insignificant) && !policy.force) {
    return {Action::kLeave, within ? "in tolerance" : "within the error of the measurement"};
  }
  if (before.offset < Duration::zero() && policy.forbid_backward) {
    if (within) return {Action::kLeave, "in tolerance; backward steps are forbidden for this host"};
    return {
        Action::kRefuse,
        fmt::format("would step backward by {}, which the inventory forbids for this host; stop "
                    "what minds it, or let its time daemon slew",
                    FormatDuration(size))};
  }
  if (size > policy.max_step) {
    return {
        Action::kRefuse,
        fmt::format(
            "would step by {}, more than {}; if that is right: --max-step {}{}",
            FormatSigned(before.offset), FormatDuration(policy.max_step), RoundedUp(size),
            before.offset < Duration::zero() && !policy.allow_backward ? " --allow-backward" : "")};
  }
  if (before.offset < Duration::zero() && !within && !policy.allow_backward) {
    return {Action::kRefuse, fmt::format("would step backward by {}; if that is right: "
                                         "--allow-backward",
                                         FormatDuration(size))};
  }
  return {Action::kSet, ""};
}

Verdict Judge(const Estimate& estimate, Duration tolerance) {
  if (Abs(estimate.offset) > tolerance) return Verdict::kOutside;
  return Abs(estimate.offset) + estimate.bound <= tolerance ? Verdict::kWithin : Verdict::kUnproven;
}

}  // namespace fleetsync::sync
