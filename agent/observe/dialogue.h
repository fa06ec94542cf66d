#pragma once

#include <cstddef>
#include <span>

#include "agent/observe/daemon_state.h"
#include "base/time.h"

namespace fleetsync::observe {

// One round of questions to a daemon that answers datagrams, as a state machine: one request is
// open at a time, each asks for what the answers before it did not tell.
class Dialogue {
 public:
  virtual ~Dialogue() = default;

  // What must be sent, and sent again while no answer comes; empty: the round is over.
  virtual std::span<const std::byte> Request() const = 0;
  // `wire` is from outside: anything may be in it, and what answers no request is left out. True:
  // the request was answered, there is another one or none.
  virtual bool OnDatagram(Now now, std::span<const std::byte> wire) = 0;
  // However often it was asked, there was no answer: ends the round.
  virtual void GiveUp(std::string_view why) = 0;

  // Once the round is over.
  virtual const DaemonState& state() const = 0;
};

// A daemon's list that does not end is not asked for further.
inline constexpr size_t kMostSources = 64;

}  // namespace fleetsync::observe
