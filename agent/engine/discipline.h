#pragma once

#include <optional>
#include <utility>

#include "agent/engine/action.h"
#include "agent/engine/config.h"
#include "agent/engine/estimator.h"
#include "base/time.h"

namespace fleetsync::ntp {

// Makes the system clock follow what is believed of the true time: decides between a step, a quick
// slew and leaving it to the kernel, and lets alone what is beyond belief.
//
// Small offsets are handed to the kernel, which takes a quarter of what is left each second. Larger
// ones, at the start and where steps are not allowed, are taken away by a frequency for a time.
class Discipline {
 public:
  explicit Discipline(const EngineConfig& config);

  // `jumped`: what was believed has just been given up for this; who was right, the old belief or
  // the new one, shows only in time (stepout).
  void Correct(Now now, const Belief& belief, bool jumped, Actions& actions);
  // Ends a quick slew that is due.
  void OnTimer(Now now, const Belief& belief, Actions& actions);
  // Does at once what would be waited for or left alone (stepout, the panic threshold), by a step
  // where it is more than a moment's slew; back only when it may.
  void SetNow(Now now, const Belief& belief, bool may_step_back, Actions& actions);
  // The clock is to be set as at a start: at once.
  void Restart();

  MonoTime NextTimer() const { return slew_until_.value_or(MonoTime::max()); }
  // The clock has been set since the start, and nothing holds a correction back.
  bool tracking() const { return tracking_ && !panicking_; }
  bool slewing() const { return slew_until_.has_value(); }
  bool panicking() const { return panicking_; }
  // The last step asked for, once: the two clocks of the next event tell whether it was done.
  std::optional<Duration> TakeStep() { return std::exchange(step_, std::nullopt); }

 private:
  bool MayBeSet(Now now, Duration offset, Actions& actions);
  void SetClock(Duration offset, const Belief& belief, Actions& actions);
  void Slew(Now now, Duration offset, const Belief& belief, Actions& actions);

  EngineConfig config_;  // without its sources
  bool tracking_ = false;
  bool panicking_ = false;
  std::optional<MonoTime> jumped_at_;
  std::optional<MonoTime> slew_until_;
  std::optional<Duration> step_;
};

}  // namespace fleetsync::ntp
