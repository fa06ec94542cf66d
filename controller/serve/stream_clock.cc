#include "controller/serve/stream_clock.h"

#include <algorithm>
#include <utility>

namespace fleetsync::serve {
namespace {

constexpr int kBurst = 4;
constexpr Duration kInterval = std::chrono::minutes(1);
// What is not answered by then is lost, or the agent is older than the question.
constexpr Duration kPatience = std::chrono::seconds(10);
constexpr size_t kSamples = 8;
// How fast two clocks may part, slewing included: what the kernel's own loop does at most.
constexpr int64_t kDriftDivisor = 2000;  // 500 ppm
// Two clock readings that belong together do so to about half of it.
constexpr Duration kResolution = std::chrono::microseconds(1);

}  // namespace

Duration StreamClock::Sample::BoundAt(MonoTime now) const {
  return error_bound + (now - at) / kDriftDivisor;
}

uint64_t StreamClock::Ask(Now now) {
  open_ = random_();
  asked_ = now.mono;
  if (in_burst_ < kBurst) {
    ++in_burst_;
    due_ = now.mono + kPatience;
  } else {
    due_ = now.mono + kInterval;
  }
  return *open_;
}

std::optional<ClockEstimate> StreamClock::OnAnswer(Now now, const HostStamps& stamps) {
  if (!open_ || stamps.question != *open_) return std::nullopt;
  open_.reset();
  if (in_burst_ < kBurst) {
    due_ = now.mono;
  } else if (samples_.size() < kBurst) {
    // A thousand agents that came at once are not asked at once for ever.
    due_ = now.mono + Duration(static_cast<int64_t>(random_() % kInterval.count()));
  }
  const Duration elapsed = now.mono - asked_;
  const Duration held = stamps.sent - stamps.received;
  if (elapsed < Duration::zero() || held < Duration::zero() || held > elapsed) return std::nullopt;
  // By one reading of the controller's clock, so that setting it in between does no harm.
  const SystemTime sent = now.system - elapsed;
  const Duration there = sent - stamps.received, back = now.system - stamps.sent;
  Keep({.at = now.mono,
        .offset = there / 2 + back / 2,
        .error_bound = (elapsed - held) / 2 + elapsed / kDriftDivisor + kResolution});
  if (in_burst_ < kBurst) return std::nullopt;
  return Best(now);
}

void StreamClock::Keep(const Sample& sample) {
  std::erase_if(samples_, [&](const Sample& old) {
    return Abs(old.offset - sample.offset) > old.BoundAt(sample.at) + sample.error_bound;
  });
  samples_.push_back(sample);
  if (samples_.size() > kSamples) samples_.pop_front();
}

ClockEstimate StreamClock::Best(Now now) const {
  const auto best = std::min_element(
      samples_.begin(), samples_.end(),
      [&](const Sample& a, const Sample& b) { return a.BoundAt(now.mono) < b.BoundAt(now.mono); });
  return {.at = now.system, .offset = best->offset, .error_bound = best->BoundAt(now.mono)};
}

}  // namespace fleetsync::serve
