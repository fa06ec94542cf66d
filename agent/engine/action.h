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

namespace fleetsync::ntp {

struct Send {
  SourceId source;
  Address to;
  std::array<std::byte, 68> bytes;  // header and, with a key, MAC
  uint8_t size;
  uint64_t token;  // comes back in OnSent with the true departure
};

struct Resolve {
  SourceId source;
  std::string name;
  uint16_t port;
};

// For log, report and tests.
struct Note {
  enum class Kind : uint8_t {
    kSelected,     // this source is the reference now
    kLost,         // no source can be believed; `source` was the last
    kFalseticker,  // disagrees with the majority; `offset` is what it says
    kKissed,       // the server asked for less (see text)
    kClockJumped,  // somebody stepped the clock by -`offset`, or the machine slept
  };
  Kind kind;
  SourceId source{};
  Duration offset{};
  std::string text{};
};

// What the shell must do, in the order given.
using Action = std::variant<Send, Resolve, Note>;
using Actions = std::vector<Action>;

}  // namespace fleetsync::ntp
