#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <variant>
#include <vector>

#include "base/time.h"

namespace fleetsync::report {

struct Connect {};
struct SendThrough {  // what the spool has of these sequence numbers, in order; then OnRead
  uint64_t first = 0;
  uint64_t last = 0;
};
struct Forget {  // the controller has everything up to here on disk
  uint64_t through = 0;
};
struct Disconnect {
  bool clock_stepped = false;  // else nobody answers
};
using UplinkAction = std::variant<Connect, SendThrough, Forget, Disconnect>;
using UplinkActions = std::vector<UplinkAction>;

// The reporter's protocol without gRPC: reports are sent in order from the controller's high-water
// mark on, with a bounded number in flight, and forgotten when they are acknowledged; a broken or
// silent connection is made anew after a back-off with jitter. Pure; not thread-safe.
class Uplink {
 public:
  explicit Uplink(uint64_t seed) : random_(seed) {}

  UplinkActions Start(Now now);
  // Reports up to `last` are in the spool.
  UplinkActions OnSpooled(Now now, uint64_t last);
  // What SendThrough asked for was read up to `through` (its last); `last_found` is the last of
  // them that is still in the spool and so is being sent, 0: none is.
  UplinkActions OnRead(Now now, uint64_t through, uint64_t last_found);
  // The controller's welcome: it has everything up to `stored_through`.
  UplinkActions OnConnected(Now now, uint64_t stored_through);
  UplinkActions OnAcknowledged(Now now, uint64_t through);
  // The connection is gone; Disconnect is not asked for.
  UplinkActions OnBroken(Now now);
  UplinkActions OnTimer(Now now);

  MonoTime NextTimer() const { return std::min(timer_, stale_at_); }
  bool connected() const { return state_ == State::kConnected; }

 private:
  enum class State { kIdle, kConnecting, kConnected };

  bool NoticeClockStep(Now now);
  void SkipMissing();
  void SendMore(Now now, UplinkActions& actions);
  void BackOff(Now now);
  UplinkActions Reconnect(Now now);

  std::mt19937_64 random_;
  State state_ = State::kIdle;
  MonoTime timer_ = MonoTime::max();     // back-off, or the deadline of what is awaited
  MonoTime stale_at_ = MonoTime::max();  // when a channel from before a clock step is given up
  int failures_ = 0;                     // since the last acknowledgement
  uint64_t spooled_ = 0;
  uint64_t asked_ = 0;    // SendThrough was given up to here
  uint64_t read_ = 0;     // and answered up to here
  uint64_t written_ = 0;  // the last that really went out
  uint64_t acknowledged_ = 0;
  Now last_{};
  bool started_ = false;
};

}  // namespace fleetsync::report
