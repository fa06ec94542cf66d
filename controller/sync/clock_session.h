#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "controller/ssh/conversation.h"
#include "controller/sync/sample_set.h"

namespace fleetsync::sync {

// Measures one host's clock against this machine's: the part of a conversation from
// RunCommand{Start()} until OnExit has nothing more to run. Pure: never waits, only answers.
//
// A round is one open channel with questions and answers. While two hundred hosts are being
// connected to, a round may end with a bound that is too wide to judge by; then the host sleeps for
// a second, which takes nobody's time, and there is another, as long as rounds still help.
class ClockSession {
 public:
  // What the clock is to be judged by says how narrow the bound should become.
  ClockSession(Duration tolerance, Duration deadline);

  ssh::Command Start(Now now);
  // Send (the next question, or the end of input) or Wait.
  ssh::Conversation::Next OnOutput(Now now, std::string_view bytes, bool is_stderr);
  // What to run next; nothing: the measurement is over.
  std::optional<ssh::Command> OnExit(Now now, const ssh::Exit& exit);

  // After that: offset of this machine's clock from the host's, positive when this machine is
  // ahead. Unavailable when the host could not be read, with what its shell said;
  // FailedPrecondition when a clock was moved while it was measured.
  const StatusOr<Estimate>& result() const { return result_; }

 private:
  // What a round learns, forgotten with it.
  struct Round {
    SampleSet samples;
    std::string line, errors;
    uint64_t number = 0;  // of the question that is open; 0: none
    Now asked{}, started{};
    bool ended = false, coarse = false;
    std::optional<Duration> milestone;    // the bound a while ago
    Duration shortest = Duration::max();  // of the round trips
  };

  ssh::Conversation::Next OnLine(Now now, std::string_view line);
  ssh::Conversation::Next Ask(Now now);
  bool Enough(Now now);
  StatusOr<Estimate> RoundResult(const ssh::Exit& exit) const;
  // Keeps the narrower of what was known and what the round tells; whether it has helped.
  bool Improve(const Estimate& estimate, Now now);

  Duration wanted_, sufficient_, deadline_;
  Round round_;
  int rounds_ = 0, fruitless_ = 0;
  bool pausing_ = false;
  Now best_at_{};
  StatusOr<Estimate> result_ = absl::CancelledError("the clock was not measured");
};

}  // namespace fleetsync::sync
