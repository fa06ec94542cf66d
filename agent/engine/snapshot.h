#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/engine/address.h"
#include "agent/engine/config.h"
#include "base/time.h"
#include "proto/ntp/packet.h"

namespace fleetsync::ntp {

enum class SourceState : uint8_t {
  kSelected,     // * the reference
  kCandidate,    // + a truechimer
  kOutlier,      // - a truechimer that is not used; of observed daemons alone
  kFalseticker,  // x outside of what the majority agrees on, or no majority
  kUnreachable,  // ? no answer, no synchronised answer, or not asked
};

struct SourceSnapshot {
  SourceId id{};
  std::string name{};                // as configured
  std::optional<Address> address{};  // none: the name did not resolve yet
  SourceState state = SourceState::kUnreachable;
  uint8_t stratum = 16;
  uint8_t reach = 0;  // shift register of the last eight requests
  int8_t poll = 6;    // log2 seconds
  uint32_t reference_id = 0;
  Duration offset{};       // as Snapshot's
  Duration error_bound{};  // as Snapshot's
  Duration delay{};
  Duration jitter{};
  Duration bias{};  // its constant error beside the other sources, as far as it is known
  std::optional<Duration>
      sample_age{};          // of the newest sample; none: the fields above mean nothing
  bool interleaved = false;  // the last answer told when the one before it had really left
  std::string trouble{};     // why the last answer was no sample; empty: it was
};

// Everything the engine believes, at one moment.
struct Snapshot {
  Now at;
  bool synchronised = false;  // a source is selected
  bool holdover = false;      // none is, but the clock is known from before; else (neither) offset
                              // and bounds mean nothing
  bool panicking = false;     // the offset is beyond the panic threshold: the clock is left alone
  Duration offset{};          // of the reference from the system clock; add it to be right
  Duration error_bound{};     // |true offset - offset| is at most this
  Duration sigma{};           // standard deviation of the offset
  Ppm frequency{};            // of the true time against the raw clock: what corrects it
  Ppm skew{};                 // standard deviation of the frequency
  Ppm wander{};               // how much the frequency walks, per square root of a second
  uint8_t stratum = 16;       // the selected source's and one more
  Leap leap = Leap::kUnsynchronised;
  uint32_t reference_id = 0;  // of the selected source: its IPv4 address
  Duration root_delay{};
  Duration root_dispersion{};
  Duration jitter{};
  std::vector<SourceSnapshot> sources;  // in the order of the configuration
};

}  // namespace fleetsync::ntp
