#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "agent/engine/address.h"
#include "agent/engine/config.h"
#include "base/time.h"
#include "proto/ntp/packet.h"

namespace fleetsync::ntp {

struct Send {
  SourceId source;
  Address to;
  std::array<std::byte, 72> bytes;  // header and, with a key, MAC (4 + 20 bytes at most)
  uint8_t size;
  uint64_t token;  // comes back in OnSent with the true departure
};

struct Resolve {
  SourceId source;
  std::string name;
  uint16_t port;
};

// Move the clock at once; the engine is told of it by the two clocks of the next event.
struct Step {
  Duration offset;
};

// See Clock::Adjust.
struct Adjust {
  Ppm frequency;
  Duration slew;
};

// What the kernel tells other programs about its clock.
struct KernelSync {
  bool synchronised = false;
  Leap leap = Leap::kUnsynchronised;
  Duration max_error{};  // bound of the error now; the kernel lets it grow
  Duration est_error{};  // standard deviation
};

// Worth keeping over a restart.
struct SaveDrift {
  Drift drift;
};

// For log, report and tests.
struct Note {
  enum class Kind : uint8_t {
    kSelected,     // this source is the reference now
    kLost,         // no source can be believed; `source` was the last (text: its trouble)
    kFalseticker,  // disagrees with the majority; `offset` is what it says
    kKissed,       // the server asked for less (see text)
    kClockJumped,  // somebody stepped the clock by -`offset`, or the machine slept
    kStepping,     // the clock is moved by `offset` at once
    kPanic,        // `offset` is beyond the panic threshold: the clock is left alone
    kLeap,         // a leap second is announced by the majority, or no more (see text)
  };
  Kind kind;
  SourceId source{};
  Duration offset{};
  std::string text{};
};

// What the shell must do, in the order given.
using Action = std::variant<Send, Resolve, Step, Adjust, KernelSync, SaveDrift, Note>;
using Actions = std::vector<Action>;

}  // namespace fleetsync::ntp
