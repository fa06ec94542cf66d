#include "agent/daemon/host_watch.h"

#include <algorithm>
#include <utility>

#include "agent/observe/snapshot_of.h"
#include "base/clock_read.h"

namespace fleetsync::daemon {
namespace {

// How soon a step is noticed, and what it costs to wake up.
constexpr Duration kLookEvery = std::chrono::seconds(1);

// After a larger step the engine has measured anew, if it believes anything; of a smaller one it
// may not know yet.
constexpr Duration kEngineForgets = std::chrono::milliseconds(1500);

}  // namespace

HostWatch::HostWatch(ObserverConfig observer, std::string own_daemon)
    : observes_(observer.kind != observe::Kind::kNone),
      observer_(std::move(observer)),
      own_daemon_(std::move(own_daemon)),
      events_(/*we_keep_the_clock=*/!own_daemon_.empty()) {}

MonoTime HostWatch::NextTimer() const { return std::min(next_look_, observer_.NextTimer()); }

void HostWatch::OnTurn(Now now, bool readable, EngineShell& shell) {
  if (readable) observer_.OnReadable(now);
  observer_.OnTimer(now);
  if (now.mono < next_look_) return;
  LookAtTheClock(now, shell);
  if (!observes_) events_.OnState(shell.TakeSnapshot(), own_daemon_);
}

void HostWatch::LookAtTheClock(Now now, EngineShell& shell) {
  next_look_ = now.mono + kLookEvery;
  events_.OnClock({.now = now, .slept = ReadTimeAsleep(), .we_stepped = shell.TakeSteps()});
  if (const Duration step = events_.TakeForeignStep(); step != Duration::zero())
    doubt_.OnForeignStep(now.mono, step);
}

std::string HostWatch::Keeper() const {
  const std::string& observed = observer_.state().daemon;
  return observed.empty() ? own_daemon_ : observed;
}

ntp::Snapshot HostWatch::Believed(const ntp::Snapshot& measured) {
  if (observer_.state().daemon.empty()) return measured;
  ntp::Snapshot said = observe::SnapshotOf(observer_.state(), measured.at);
  const bool forgot = doubt_.Widen(said) > kEngineForgets;
  if (forgot && measured.synchronised) said.synchronised = false;
  return observe::Weigh(said, measured);
}

// A step is held against what was believed before it: the look comes first.
HostState HostWatch::TakeState(Now now, EngineShell& shell) {
  LookAtTheClock(now, shell);
  HostState state{.snapshot = Believed(shell.TakeSnapshot()), .daemon = Keeper(), .events = {}};
  events_.OnState(state.snapshot, state.daemon);
  state.events = events_.Take();
  return state;
}

}  // namespace fleetsync::daemon
