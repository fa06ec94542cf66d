#include "controller/sync/clock_session.h"

#include <algorithm>

#include "base/text.h"
#include "controller/sync/clock_reading.h"
#include "fmt/format.h"

namespace fleetsync::sync {
namespace {

using ssh::Conversation;

constexpr size_t kFewest = 8;   // one of eight rarely meets a busy moment on both ways
constexpr size_t kMost = 4000;  // whole seconds: questions until the second changes
constexpr Duration kLongest = std::chrono::seconds(1);
constexpr Duration kLongestCoarse = std::chrono::seconds(3);
// A bound that the last questions made no tenth smaller will not become much smaller.
constexpr uint64_t kPatience = 24;
constexpr size_t kManyRestarts = 5;
constexpr size_t kLongestLine = 4096;

}  // namespace

ssh::Command ClockSession::Start(Now now, Duration deadline) {
  started_ = now;
  ssh::Command command;
  command.line = ClockCommand();
  command.keep_input_open = true;
  command.become = false;  // anyone may read the clock; sudo would cost time
  command.deadline = deadline;
  return command;
}

Conversation::Next ClockSession::OnOutput(Now now, std::string_view bytes, bool is_stderr) {
  if (is_stderr) {
    if (errors_.size() < kLongestLine) errors_ += bytes;
    return Conversation::Wait{};
  }
  Conversation::Next next = Conversation::Wait{};
  line_ += bytes;
  for (size_t end = 0; (end = line_.find('\n')) != std::string::npos;) {
    const std::string line = line_.substr(0, end);
    line_.erase(0, end + 1);
    // One question is open at a time, so of several lines one at most is an answer.
    Conversation::Next answer = OnLine(now, line);
    if (!std::holds_alternative<Conversation::Wait>(answer)) next = std::move(answer);
  }
  if (line_.size() > kLongestLine) line_.clear();
  return next;
}

Conversation::Next ClockSession::OnLine(Now now, std::string_view line) {
  if (ended_) return Conversation::Wait{};
  if (number_ == 0) {
    if (!line.starts_with(kClockBanner)) return Conversation::Wait{};
    coarse_ = line.substr(kClockBanner.size()) == "seconds";
    return Ask(now);
  }
  const auto reading = ParseClockReading(line);
  if (!reading || reading->number != number_) return Conversation::Wait{};
  samples_.Add({asked_, now, reading->earliest, reading->latest});
  shortest_ = std::min(shortest_, now.mono - asked_.mono);
  if (!Enough(now)) return Ask(now);
  ended_ = true;
  return Conversation::Send{.bytes = "", .end = true};
}

Conversation::Next ClockSession::Ask(Now now) {
  asked_ = now;
  ++number_;
  return Conversation::Send{.bytes = fmt::format("{}\n", number_), .end = false};
}

bool ClockSession::Enough(Now now) {
  if (number_ >= kMost || samples_.restarts() >= kManyRestarts) return true;
  const auto estimate = samples_.estimate();
  if (!estimate || number_ < kFewest) return false;
  const Duration lasted = now.mono - started_.mono;
  if (estimate->bound <= wanted_ || lasted >= kLongestCoarse) return true;
  // Of whole seconds nothing is learnt until the second changes, and then all.
  if (coarse_) return estimate->bound <= 3 * shortest_;
  if (lasted >= kLongest) return true;
  if (number_ % kPatience != 0) return false;
  const bool stagnant = milestone_ && estimate->bound * 10 > *milestone_ * 9;
  milestone_ = estimate->bound;
  return stagnant;
}

StatusOr<Estimate> ClockSession::Finish(const ssh::Exit& exit) const {
  const auto estimate = samples_.estimate();
  if (samples_.restarts() >= kManyRestarts) {
    return absl::FailedPreconditionError(
        "measuring the clock: it was moved again and again meanwhile; another program sets it");
  }
  if (estimate && ended_) return *estimate;
  const std::string said = Printable(Trim(errors_).substr(0, 200));
  return absl::UnavailableError(
      fmt::format("measuring the clock: the host's shell ended with {} before it had answered{}{}",
                  exit.code, said.empty() ? "" : ": ", said));
}

}  // namespace fleetsync::sync
