#include "agent/engine/poll_control.h"

#include <algorithm>
#include <cmath>

namespace fleetsync::ntp {
namespace {

// Of one sample's usual error: what may be added until the next sample. At three times that the
// requests are still worth their price; beyond, the offset at the end of an interval is all wander.
constexpr double kWorthwhile = 3;
// Samples in a row that ask for a longer or for a shorter interval.
constexpr int kVotesUp = 1;
constexpr int kVotesDown = 2;

double WanderedAfter(double seconds, const Belief& belief) {
  const double by_frequency = belief.frequency_sigma * seconds;
  const double by_wander = belief.wander * std::sqrt(seconds * seconds * seconds / 3);
  return std::hypot(by_frequency, by_wander);
}

}  // namespace

void PollControl::OnSample(const Belief& belief, double noise) {
  const double interval = std::exp2(poll_);
  if (WanderedAfter(2 * interval, belief) < kWorthwhile * noise) {
    votes_ = std::max(votes_, 0) + 1;
  } else if (WanderedAfter(interval, belief) > kWorthwhile * noise) {
    votes_ = std::min(votes_, 0) - 1;
  } else {
    votes_ = 0;
  }
  if (votes_ < kVotesUp && votes_ > -kVotesDown) return;
  poll_ = static_cast<int8_t>(std::clamp<int>(poll_ + (votes_ > 0 ? 1 : -1), minpoll_, maxpoll_));
  votes_ = 0;
}

void PollControl::Slow() {
  minpoll_ = static_cast<int8_t>(std::min<int>(poll_ + 1, std::max(maxpoll_, poll_)));
  maxpoll_ = std::max(maxpoll_, minpoll_);
  poll_ = minpoll_;
  votes_ = 0;
}

}  // namespace fleetsync::ntp
