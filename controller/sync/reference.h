#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "controller/sync/kernel_clock.h"
#include "controller/sync/sample_set.h"

namespace fleetsync::sync {

// One NTP server that hosts may set their clocks from, as this machine saw it.
struct RelayState {
  enum class Kind : uint8_t {
    kNotAsked,
    kSynchronised,
    kUnsynchronised,  // it answers, and says that its own clock is not to be trusted
    kSilent,          // no answer to UDP 123
    kUnknownName,
  };
  std::string name;     // as the inventory names it
  std::string address;  // as it is asked, from here and from the hosts
  Kind kind = Kind::kNotAsked;
  int stratum = 16;
  std::string detail;                // why it is not synchronised, or not heard
  std::optional<Estimate> measured;  // its offset from this machine's clock, when synchronised
  Now measured_at{};
  bool over_ssh = false;  // it was measured and asked over SSH since UDP 123 is closed to us
};

// "relay1 (198.18.1.1)"
std::string DisplayName(const RelayState& relay);
// "relay1 (198.18.1.1) does not answer on UDP 123: …"; for the reason why it is not used.
std::string Describe(const RelayState& relay);

// What hosts are measured against: this machine's clock corrected to the relay's.
struct Reference {
  std::string name;  // "relay1 (198.18.1.1), stratum 8" or "this machine's clock"
  Estimate ahead;    // the reference from this machine's clock, at `as_of`
  Now as_of{};
  bool drifts = false;  // nothing keeps this machine's clock, so the error grows with time

  // A host's offset from the reference, given this machine's clock from the host's at `now`.
  // FailedPrecondition when this machine's clock was stepped since `as_of`.
  StatusOr<Estimate> Apply(const Estimate& ours_from_host, Now now) const;
};

struct Judgement {
  Reference reference;
  std::vector<std::string> warnings;
};

struct JudgePolicy {
  Duration tolerance = std::chrono::milliseconds(10);  // the narrowest of the hosts'
  bool trust_controller_clock = false;
};

// Which clock is right? FailedPrecondition, with what is off by how much and what to do, when no
// relay is synchronised, relays contradict each other, or this machine's clock contradicts them:
// then nothing is to be set. Pure.
StatusOr<Judgement> Judge(const KernelClock& kernel, const std::vector<RelayState>& relays,
                          const JudgePolicy& policy, Now now);

}  // namespace fleetsync::sync
