#include "agent/observe/doubt.h"

#include <algorithm>

namespace fleetsync::observe {
namespace {

// An answer may be lost, and a daemon weighs more than one before it follows.
constexpr int kPolls = 2;
constexpr Duration kLongest = std::chrono::hours(1);

}  // namespace

void Doubt::OnForeignStep(MonoTime now, Duration step) {
  stepped_ = now;
  last_ = Abs(step);
  constexpr Duration kMost = Duration::max() / 4;  // so that sums do not overflow
  sum_ = std::min(sum_ + std::min(last_, kMost), kMost);
}

Duration Doubt::Widen(ntp::Snapshot& said) {
  if (sum_ == Duration::zero()) return sum_;
  Duration until_polled = std::chrono::seconds(64) * kPolls;
  for (const ntp::SourceSnapshot& source : said.sources) {
    if (source.state != ntp::SourceState::kSelected) continue;
    until_polled = std::chrono::seconds(int64_t{1} << std::clamp<int>(source.poll, 0, 17)) * kPolls;
  }
  if (said.at.mono - stepped_ >= std::min(until_polled, kLongest)) {
    sum_ = Duration::zero();
    return sum_;
  }
  said.error_bound += sum_;
  return last_;
}

}  // namespace fleetsync::observe
