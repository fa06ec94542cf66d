#pragma once

#include <optional>
#include <span>

#include "base/time.h"
#include "proto/ntp/packet.h"

namespace fleetsync::ntp {

// Leap seconds: what the followed servers announce, for the last day of a UTC month, becomes what
// the kernel is told; at the end of that day true time moves by a second. Pure.
class LeapWatch {
 public:
  // The votes of the servers that are followed: a majority decides (RFC 5905 A.5.5.2). True: the
  // announcement has changed.
  bool OnVotes(SystemTime now, std::span<const Leap> votes);
  // The second that true time has jumped by since the last call, if it has: -1 s for an inserted
  // one. Pass true time, not the clock's.
  Duration Cross(SystemTime now);

  Leap announced() const { return announced_; }
  // Samples from about that second cannot be trusted: servers apply it in ways of their own.
  bool IsAmbiguous(SystemTime now) const;

 private:
  Leap announced_ = Leap::kNone;
  std::optional<SystemTime> at_;
};

// The end of the UTC day that `t` is in, if it is the last of its month.
std::optional<SystemTime> EndOfMonthToday(SystemTime t);

}  // namespace fleetsync::ntp
