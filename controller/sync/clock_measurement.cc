#include "controller/sync/clock_measurement.h"

#include <algorithm>

namespace fleetsync::sync {
namespace {

constexpr Duration kFinest = std::chrono::microseconds(100);  // less is not to be had over SSH
constexpr int kMostSessions = 12;
constexpr int kMostFruitless = 2;

ssh::Command Pause(Duration deadline) {
  ssh::Command command;
  command.line = "sleep 1";
  command.become = false;
  command.deadline = deadline;
  return command;
}

}  // namespace

ClockMeasurement::ClockMeasurement(Duration tolerance, Duration deadline)
    : wanted_(std::max(tolerance / 20, kFinest)),
      sufficient_(std::max(tolerance / 4, kFinest)),
      deadline_(deadline),
      session_(wanted_) {}

ssh::Command ClockMeasurement::Start(Now now) {
  ++sessions_;
  pausing_ = false;
  session_ = ClockSession(wanted_);
  return session_.Start(now, deadline_);
}

ssh::Conversation::Next ClockMeasurement::OnOutput(Now now, std::string_view bytes,
                                                   bool is_stderr) {
  if (pausing_) return ssh::Conversation::Wait{};
  return session_.OnOutput(now, bytes, is_stderr);
}

std::optional<ssh::Command> ClockMeasurement::OnExit(Now now, const ssh::Exit& exit) {
  if (pausing_) return Start(now);
  const StatusOr<Estimate> measured = session_.Finish(exit);
  if (!measured.ok()) {
    result_ = measured.status();
    return std::nullopt;
  }
  fruitless_ = Improve(*measured, now) ? 0 : fruitless_ + 1;
  const bool enough = result_->bound <= sufficient_;
  if (enough || sessions_ >= kMostSessions || fruitless_ >= kMostFruitless) return std::nullopt;
  pausing_ = true;
  return Pause(deadline_);
}

bool ClockMeasurement::Improve(const Estimate& estimate, Now now) {
  const bool first = !result_.ok();
  // A step of our own clock makes what was known before it worthless.
  const bool stepped = !first && SteppedBetween(known_at_, now) != Duration::zero();
  const Duration known =
      first || stepped ? Duration::max() : result_->bound + DriftDuring(known_at_, now);
  const bool helped = first || estimate.bound < known - known / 5;
  if (estimate.bound <= known) {
    result_ = estimate;
  } else {
    result_->bound = known;
  }
  known_at_ = now;
  return helped;
}

}  // namespace fleetsync::sync
