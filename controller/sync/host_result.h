#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "controller/ssh/conversation.h"
#include "controller/sync/decide.h"
#include "controller/sync/sample_set.h"

namespace fleetsync::sync {

enum class Outcome : uint8_t {
  kNotBegun,   // its turn did not come
  kReference,  // the clock that others are set by
  kLeft,       // in tolerance: nothing was done
  kSet,        // set, and measured after
  kWouldSet,   // a dry run
  kRefused,    // a step that asks for its flag
  kFailed,
};
std::string_view ToString(Outcome outcome);  // "not_begun", …: stable words for JSON

// What became of one host. Offsets are positive when the reference is ahead.
struct HostResult {
  std::string host;
  Duration tolerance = std::chrono::milliseconds(10);
  Outcome outcome = Outcome::kNotBegun;
  std::optional<Estimate> before, after;
  std::string tool;    // what set it, or would
  std::string detail;  // why it was left, refused or failed; what to do
  std::vector<std::string> warnings;
  std::vector<std::string> servers;  // that the host was told to ask
  bool no_server = false;            // its tool heard none of them: to be told apart after the run
  std::vector<std::string> unresolved;  // of these servers, on the host
  bool setting = false;                 // the connection ended while the host was setting its clock
  std::optional<ssh::Failure> failure;

  // The clock as last measured.
  const std::optional<Estimate>& last() const { return after ? after : before; }
  bool OutOfTolerance() const { return last() && Judge(*last(), tolerance) == Verdict::kOutside; }
};

}  // namespace fleetsync::sync
