#include "agent/engine/discipline.h"

#include <algorithm>
#include <utility>

namespace fleetsync::ntp {
namespace {

// What the kernel's quarter a second takes seconds to remove is removed quickly at the start.
constexpr Duration kQuick = std::chrono::milliseconds(1);
constexpr Duration kQuickSpan = std::chrono::seconds(1);
constexpr Duration kKernelLimit = std::chrono::milliseconds(500);  // MAXPHASE
// Quick slews: half of what the kernel's tick allows.
constexpr double kFastestSlew = 50'000e-6;
constexpr double kMaxFrequency = 500e-6;  // of an oscillator that works

}  // namespace

Discipline::Discipline(const EngineConfig& config) : config_(config) { config_.sources.clear(); }

void Discipline::Restart() {
  tracking_ = false;
  jumped_at_.reset();
  slew_until_.reset();
}

bool Discipline::MayBeSet(Now now, Duration offset, Actions& actions) {
  const bool first = !tracking_;
  if (Abs(offset) > config_.panic_threshold && !(first && config_.panic_once)) {
    if (!panicking_) actions.push_back(Note{Note::Kind::kPanic, {}, offset, {}});
    panicking_ = true;
    return false;
  }
  panicking_ = false;
  if (Abs(offset) <= config_.step_threshold) {
    jumped_at_.reset();
    return true;
  }
  return first || !jumped_at_ || now.mono - *jumped_at_ >= config_.stepout;
}

void Discipline::SetClock(Duration offset, const Belief& belief, Actions& actions) {
  actions.push_back(Note{Note::Kind::kStepping, {}, offset, {}});
  actions.push_back(Adjust{{belief.frequency * 1e6}, {}});
  actions.push_back(Step{offset});
  step_ = offset;
  slew_until_.reset();
}

void Discipline::Slew(Now now, Duration offset, const Belief& belief, Actions& actions) {
  const bool quick = Abs(offset) > kKernelLimit || (!tracking_ && Abs(offset) > kQuick) ||
                     (slew_until_ && Abs(offset) > kQuick);
  if (!quick) {
    slew_until_.reset();
    actions.push_back(Adjust{{belief.frequency * 1e6}, offset});
    return;
  }
  const double rate =
      std::clamp(ToSeconds(offset) / ToSeconds(kQuickSpan), -kFastestSlew, kFastestSlew);
  slew_until_ = now.mono + FromSeconds(ToSeconds(offset) / rate);
  actions.push_back(Adjust{{(belief.frequency + rate) * 1e6}, {}});
}

void Discipline::Correct(Now now, const Belief& believed, bool jumped, Actions& actions) {
  Belief belief = believed;
  belief.frequency = std::clamp(belief.frequency, -kMaxFrequency, kMaxFrequency);
  const Duration offset = belief.ahead - SystemAhead(now);
  if (jumped && tracking_ && !jumped_at_) jumped_at_ = now.mono;
  if (!MayBeSet(now, offset, actions)) return;
  if (Abs(offset) > config_.step_threshold && !config_.slew_only) {
    SetClock(offset, belief, actions);
  } else {
    Slew(now, offset, belief, actions);
  }
  jumped_at_.reset();
  tracking_ = true;
}

void Discipline::SetNow(Now now, const Belief& belief, bool may_step_back, Actions& actions) {
  const Duration offset = belief.ahead - SystemAhead(now);
  tracking_ = false;  // hurried as at the start
  if (Abs(offset) > kQuick && !config_.slew_only && (may_step_back || offset > Duration::zero())) {
    SetClock(offset, belief, actions);
  } else {
    Slew(now, offset, belief, actions);
  }
  jumped_at_.reset();
  panicking_ = false;
  tracking_ = true;
}

void Discipline::OnTimer(Now now, const Belief& belief, Actions& actions) {
  if (slew_until_ && now.mono >= *slew_until_) Correct(now, belief, false, actions);
}

}  // namespace fleetsync::ntp
