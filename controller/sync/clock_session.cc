#include "controller/sync/clock_session.h"

#include <algorithm>

#include "base/text.h"
#include "controller/sync/clock_reading.h"
#include "fmt/format.h"

namespace fleetsync::sync {
namespace {

using ssh::Conversation;

constexpr Duration kFinest = std::chrono::microseconds(100);  // less is not to be had over SSH
constexpr size_t kFewest = 8;   // one of eight rarely meets a busy moment on both ways
constexpr size_t kMost = 4000;  // whole seconds: questions until the second changes
constexpr Duration kLongestRound = std::chrono::seconds(1);
constexpr Duration kLongestCoarseRound = std::chrono::seconds(3);
// A bound that the last questions made no tenth smaller will not become much smaller in this round.
constexpr uint64_t kPatience = 24;
constexpr size_t kManyRestarts = 5;
constexpr size_t kLongestLine = 4096;
constexpr int kMostRounds = 12;
constexpr int kMostFruitless = 2;
constexpr int64_t kDriftDivisor = 1'000'000 / 500;  // as SampleSet's

ssh::Command Pause(Duration deadline) {
  ssh::Command command;
  command.line = "sleep 1";
  command.become = false;
  command.deadline = deadline;
  return command;
}

}  // namespace

ClockSession::ClockSession(Duration tolerance, Duration deadline)
    : wanted_(std::max(tolerance / 20, kFinest)),
      sufficient_(std::max(tolerance / 4, kFinest)),
      deadline_(deadline) {}

ssh::Command ClockSession::Start(Now now) {
  ++rounds_;
  pausing_ = false;
  round_ = Round{};
  round_.started = now;
  ssh::Command command;
  command.line = ClockCommand();
  command.keep_input_open = true;
  command.become = false;  // anyone may read the clock; sudo would cost time
  command.deadline = deadline_;
  return command;
}

Conversation::Next ClockSession::OnOutput(Now now, std::string_view bytes, bool is_stderr) {
  if (pausing_) return Conversation::Wait{};
  if (is_stderr) {
    if (round_.errors.size() < kLongestLine) round_.errors += bytes;
    return Conversation::Wait{};
  }
  Conversation::Next next = Conversation::Wait{};
  round_.line += bytes;
  for (size_t end = 0; (end = round_.line.find('\n')) != std::string::npos;) {
    const std::string line = round_.line.substr(0, end);
    round_.line.erase(0, end + 1);
    // One question is open at a time, so of several lines one at most is an answer.
    Conversation::Next answer = OnLine(now, line);
    if (!std::holds_alternative<Conversation::Wait>(answer)) next = std::move(answer);
  }
  if (round_.line.size() > kLongestLine) round_.line.clear();
  return next;
}

Conversation::Next ClockSession::OnLine(Now now, std::string_view line) {
  if (round_.ended) return Conversation::Wait{};
  if (round_.number == 0) {
    if (!line.starts_with(kClockBanner)) return Conversation::Wait{};
    round_.coarse = line.substr(kClockBanner.size()) == "seconds";
    return Ask(now);
  }
  const auto reading = ParseClockReading(line);
  if (!reading || reading->number != round_.number) return Conversation::Wait{};
  round_.samples.Add({round_.asked, now, reading->earliest, reading->latest});
  round_.shortest = std::min(round_.shortest, now.mono - round_.asked.mono);
  if (!Enough(now)) return Ask(now);
  round_.ended = true;
  return Conversation::Send{.bytes = "", .end = true};
}

Conversation::Next ClockSession::Ask(Now now) {
  round_.asked = now;
  ++round_.number;
  return Conversation::Send{.bytes = fmt::format("{}\n", round_.number), .end = false};
}

bool ClockSession::Enough(Now now) {
  if (round_.number >= kMost || round_.samples.restarts() >= kManyRestarts) return true;
  const auto estimate = round_.samples.estimate();
  if (!estimate || round_.number < kFewest) return false;
  const Duration lasted = now.mono - round_.started.mono;
  if (estimate->bound <= wanted_ || lasted >= kLongestCoarseRound) return true;
  // Of whole seconds nothing is learnt until the second changes, and then all.
  if (round_.coarse) return estimate->bound <= 3 * round_.shortest;
  if (lasted >= kLongestRound) return true;
  if (round_.number % kPatience != 0) return false;
  const bool stagnant = round_.milestone && estimate->bound * 10 > *round_.milestone * 9;
  round_.milestone = estimate->bound;
  return stagnant;
}

std::optional<ssh::Command> ClockSession::OnExit(Now now, const ssh::Exit& exit) {
  if (pausing_) return Start(now);
  const StatusOr<Estimate> round = RoundResult(exit);
  if (!round.ok()) {
    if (!result_.ok()) result_ = round.status();
    return std::nullopt;
  }
  fruitless_ = Improve(*round, now) ? 0 : fruitless_ + 1;
  if (result_->bound <= sufficient_ || rounds_ >= kMostRounds || fruitless_ >= kMostFruitless) {
    return std::nullopt;
  }
  pausing_ = true;
  return Pause(deadline_);
}

bool ClockSession::Improve(const Estimate& estimate, Now now) {
  if (!result_.ok()) {
    result_ = estimate;
    best_at_ = now;
    return true;
  }
  const Duration known = result_->bound + Abs(now.mono - best_at_.mono) / kDriftDivisor;
  const bool helped = estimate.bound * 5 < known * 4;
  if (estimate.bound < known) {
    result_ = estimate;
    best_at_ = now;
  } else {
    result_->bound = known;
    best_at_ = now;
  }
  return helped;
}

StatusOr<Estimate> ClockSession::RoundResult(const ssh::Exit& exit) const {
  if (round_.samples.restarts() >= kManyRestarts) {
    return absl::FailedPreconditionError(
        "measuring the clock: it was moved again and again meanwhile; another program sets it");
  }
  if (const auto estimate = round_.samples.estimate(); estimate && round_.ended) return *estimate;
  const std::string said = Printable(Trim(round_.errors).substr(0, 200));
  return absl::UnavailableError(
      fmt::format("measuring the clock: the host's shell ended with {} before it had answered{}{}",
                  exit.code, said.empty() ? "" : ": ", said));
}

}  // namespace fleetsync::sync
