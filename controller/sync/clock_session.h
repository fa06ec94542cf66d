#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "controller/ssh/conversation.h"
#include "controller/sync/sample_set.h"

namespace fleetsync::sync {

// Measures one host's clock against this machine's over one open channel: the part of a
// conversation from RunCommand{Start()} to the command's end. Pure: never waits, only answers.
// ClockMeasurement repeats it where that helps.
class ClockSession {
 public:
  // Stops asking when the bound is `wanted` or less, or more questions do not pay.
  explicit ClockSession(Duration wanted) : wanted_(wanted) {}

  ssh::Command Start(Now now, Duration deadline);
  // Send (the next question, or the end of input) or Wait.
  ssh::Conversation::Next OnOutput(Now now, std::string_view bytes, bool is_stderr);

  // The command has ended: offset of this machine's clock from the host's, positive when this
  // machine is ahead. Unavailable when the host could not be read, with what its shell said;
  // FailedPrecondition when a clock was moved while it was measured.
  StatusOr<Estimate> Finish(const ssh::Exit& exit) const;

 private:
  ssh::Conversation::Next OnLine(Now now, std::string_view line);
  ssh::Conversation::Next Ask(Now now);
  bool Enough(Now now);

  Duration wanted_;
  SampleSet samples_;
  std::string line_, errors_;
  uint64_t number_ = 0;  // of the question that is open; 0: none
  Now asked_{}, started_{};
  bool ended_ = false, coarse_ = false;
  std::optional<Duration> milestone_;    // the bound a while ago
  Duration shortest_ = Duration::max();  // of the round trips
};

}  // namespace fleetsync::sync
