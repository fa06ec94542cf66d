#pragma once

#include <optional>
#include <string_view>

#include "base/status.h"
#include "controller/ssh/conversation.h"
#include "controller/sync/clock_session.h"
#include "controller/sync/sample_set.h"

namespace fleetsync::sync {

// Measures one host's clock well enough to judge it: one ClockSession, or several. While two
// hundred hosts are being connected to, a session may end with a bound that is too wide; then the
// host sleeps for a second, which takes nobody's time, and there is another, as long as they help.
// The part of a conversation from RunCommand{Start()} until OnExit has nothing more to run. Pure.
class ClockMeasurement {
 public:
  // What the clock is to be judged by says how narrow the bound should become.
  ClockMeasurement(Duration tolerance, Duration deadline);

  ssh::Command Start(Now now);
  ssh::Conversation::Next OnOutput(Now now, std::string_view bytes, bool is_stderr);
  // What to run next; nothing: the measurement is over.
  std::optional<ssh::Command> OnExit(Now now, const ssh::Exit& exit);

  // After that: as ClockSession::Finish, at the time of the last OnExit.
  const StatusOr<Estimate>& result() const { return result_; }

 private:
  // Keeps the narrower of what was known and what a session tells; whether that has helped.
  bool Improve(const Estimate& estimate, Now now);

  Duration wanted_, sufficient_, deadline_;
  ClockSession session_;
  bool pausing_ = false;
  int sessions_ = 0, fruitless_ = 0;
  Now known_at_{};
  StatusOr<Estimate> result_ = absl::CancelledError("the clock was not measured");
};

}  // namespace fleetsync::sync
