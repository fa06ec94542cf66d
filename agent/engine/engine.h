#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/engine/action.h"
#include "agent/engine/association.h"
#include "agent/engine/config.h"
#include "agent/engine/select.h"
#include "agent/engine/snapshot.h"
#include "base/time.h"

namespace fleetsync::ntp {

enum class StampKind : uint8_t { kUser, kKernel };
struct Stamp {
  SystemTime time;
  StampKind kind = StampKind::kUser;
};

// NTPv4 client and selection (RFC 5905) as a state machine. Does no I/O, reads no clock, draws
// randomness only from `seed`: the same events give the same actions, bit for bit. It observes:
// what it believes is in the snapshot, and the clock is left alone. Not thread-safe.
//
// The shell: performs the actions in order; calls OnSent for every Send that left; calls OnTimer at
// or after NextTimer(), late is fine. Every event may return actions. `seed` should be hard to
// guess: the request cookies come from it.
class Engine {
 public:
  Engine(EngineConfig config, uint64_t seed);

  Actions Start(Now now);
  Actions OnTimer(Now now);
  // `sent`: when the request with this token left, read as late as possible.
  Actions OnSent(Now now, SourceId source, uint64_t token, Stamp sent);
  // `wire` is from outside: anything may be in it.
  Actions OnPacket(Now now, SourceId source, std::span<const std::byte> wire, Stamp received);
  // Empty: the name did not resolve; the engine asks again later.
  Actions OnResolved(Now now, SourceId source, std::span<const Address> addresses);

  // MonoTime::max() when nothing is due.
  MonoTime NextTimer() const;
  Snapshot TakeSnapshot(Now now) const;

 private:
  struct Picture {
    std::vector<std::optional<Estimate>> estimates;  // one for each source
    std::vector<SourceState> states;
    std::optional<size_t> selected;
  };

  void NoticeClockJump(Now now, Actions& actions);
  Picture Look(Now now) const;
  void Reselect(Now now, Actions& actions);
  Association* Find(SourceId source);

  std::vector<Association> associations_;
  Random random_;
  std::optional<Now> last_;
  std::optional<size_t> selected_;
  std::vector<bool> known_falseticker_;
};

}  // namespace fleetsync::ntp
