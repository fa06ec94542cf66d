#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "agent/engine/action.h"
#include "agent/engine/association.h"
#include "agent/engine/config.h"
#include "agent/engine/discipline.h"
#include "agent/engine/ensemble.h"
#include "agent/engine/leap_watch.h"
#include "agent/engine/picture.h"
#include "agent/engine/snapshot.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::ntp {

enum class StampKind : uint8_t { kUser, kKernel };
struct Stamp {
  SystemTime time;
  StampKind kind = StampKind::kUser;
};

// What an operator's command to set the clock allows.
struct SyncLimits {
  bool allow_backward = false;         // a step back in time; a small offset is slewed either way
  Duration largest = Duration::max();  // beyond it the clock is left alone
};

// So many times at once, and later again as time passes: a server whose word is never the same
// must not make us ask everybody every other second.
class Allowance {
 public:
  bool Take(MonoTime now);

 private:
  static constexpr double kMost = 8;
  static constexpr double kPerSecond = 1.0 / 300;

  double left_ = kMost;
  MonoTime at_{};
};

// NTPv4 client, selection and discipline (RFC 5905) as a state machine. Does no I/O, reads no
// clock, draws randomness only from `seed`: the same events give the same actions, bit for bit.
// What it believes is in the snapshot; the clock is moved only with EngineConfig::control_clock.
// Not thread-safe.
//
// The shell: performs the actions in order; calls OnSent for every Send that left, again if a
// better time of it comes; calls OnTimer at or after NextTimer(), late is fine. Every event may
// return actions. `seed` should be hard to guess: the request cookies come from it.
class Engine {
 public:
  // `keys`: for the sources that have one.
  Engine(EngineConfig config, uint64_t seed, std::shared_ptr<Authenticator> keys = nullptr);

  Actions Start(Now now);
  Actions OnTimer(Now now);
  // `sent`: when the request with this token left, read as late as possible.
  Actions OnSent(Now now, SourceId source, uint64_t token, Stamp sent);
  // `wire` is from outside: anything may be in it.
  Actions OnPacket(Now now, SourceId source, std::span<const std::byte> wire, Stamp received);
  // Empty: the name did not resolve; the engine asks again later.
  Actions OnResolved(Now now, SourceId source, std::span<const Address> addresses);

  // The clock is set at once by what is believed now: also beyond the panic threshold, and without
  // waiting (stepout). FailedPrecondition: only measuring, or nothing is believed; OutOfRange: a
  // limit forbids it. An error asks for nothing.
  Status SyncNow(Now now, const SyncLimits& limits, Actions& actions);

  // MonoTime::max() when nothing is due.
  MonoTime NextTimer() const;
  Snapshot TakeSnapshot(Now now) const;
  // What is worth keeping over a restart; none while less is known than was at the start.
  std::optional<Drift> LearnedDrift(Now now) const {
    return ensemble_.known() ? ensemble_.LearnedDrift(now) : std::nullopt;
  }

 private:
  void NoticeClockJump(Now now, Actions& actions);
  std::optional<SampleFilter::Rate> KnownRate(Now now) const;
  Picture Look(Now now) const;
  void Reselect(Now now, Actions& actions);
  void TellChanges(const Picture& picture, Actions& actions);

  bool Ready(Now now) const;
  void Follow(Now now, const Picture& picture, Actions& actions);
  void PaceTheOthers(const Picture& picture);
  void OnOutlier(Now now, bool jumped);
  void Correct(Now now, bool jumped, Actions& actions);
  SystemTime Truth(Now now) const;  // requires that it is known
  void CrossLeap(Now now);
  void WatchLeap(Now now, const Picture& picture, Actions& actions);
  void TellKernel(Now now, Actions& actions);
  void Believe(Now now, Snapshot& snapshot) const;

  Association* Find(SourceId source);

  EngineConfig config_;                           // without its sources
  std::shared_ptr<Authenticator> authenticator_;  // the associations point to it
  std::vector<Association> associations_;
  Random random_;
  std::optional<Now> last_;
  MonoTime started_{};
  std::optional<size_t> selected_;
  std::vector<bool> known_falseticker_;

  Ensemble ensemble_;
  Discipline discipline_;
  LeapWatch leap_;
  Allowance doubts_;
  bool kernel_is_stale_ = false;  // what it was told last
  MonoTime looked_{};             // at the clock, by the timer
  MonoTime drift_saved_ = MonoTime::min();
};

}  // namespace fleetsync::ntp
