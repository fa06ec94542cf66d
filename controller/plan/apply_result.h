#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fleetsync::plan {

// What the apply script said. Texts are printable.
struct ApplyResult {
  enum class Outcome : uint8_t {
    kDone,
    kFailed,  // at `stage`, because of `why`
    kCut,     // it ended, or its output did, before it said how it went; `stage` is the last heard
  };
  enum class Undo : uint8_t {
    kNotNeeded,  // nothing had been touched
    kDone,       // the host is as it was before
    kFailed,     // `undo_problem` says what is not
    kUnknown,    // not heard of
  };

  Outcome outcome = Outcome::kCut;
  bool provisional = false;  // done, and undone again by the host unless it is confirmed
  std::string stage;         // "validate", "swap"; empty: none was heard of
  std::string why;
  Undo undo = Undo::kUnknown;
  std::string undo_problem;
  std::vector<std::string> notes;  // what came beside it
  std::string recovered;           // the run whose remains were undone first
};

// From the script's standard output; a banner around it and unknown lines are skipped.
ApplyResult ParseApplyResult(std::string_view output);

}  // namespace fleetsync::plan
