#include "tests/sim/clock.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fleetsync::sim {
namespace {

constexpr Duration kRawAtStart = std::chrono::hours(1);
constexpr double kKernelShare = 0.25;

}  // namespace

HostClock::HostClock(const OscillatorConfig& config, Duration ahead, uint64_t seed)
    : config_(config), random_(seed), steered_(ToSeconds(ahead)) {
  OnSecond();
}

void HostClock::OnSecond() {
  walked_ += config_.wander * normal_(random_);
  frequency_ = config_.frequency + walked_ +
               config_.sine * std::sin(2 * std::numbers::pi * true_ / config_.sine_period) +
               (true_ >= config_.shock_at ? config_.shock : 0);
  phase_rate_ = phase_left_ * kKernelShare;
  phase_left_ -= phase_rate_;
}

void HostClock::AdvanceTo(double seconds) {
  const double raw_passed = (seconds - true_) * (1 + frequency_);
  raw_ += raw_passed;
  steered_ += raw_passed * (rate_ + phase_rate_);
  const bool next_second = std::floor(seconds) > std::floor(true_);
  true_ = seconds;
  if (leap_ != ntp::Leap::kNone && raw_ + steered_ >= leap_at_) ApplyLeap();
  if (next_second) OnSecond();
}

void HostClock::Announce(ntp::Leap leap) {
  if (leap == leap_) return;
  leap_ = leap;
  const double shown = ToSeconds(kEpoch.time_since_epoch()) + raw_ + steered_;
  leap_at_ = raw_ + steered_ + (86'400 - std::fmod(shown, 86'400));
}

void HostClock::ApplyLeap() {
  steered_ += leap_ == ntp::Leap::kInsert ? -1 : 1;
  leap_ = ntp::Leap::kNone;
}

double HostClock::WhenRaw(Duration raw) const {
  const double ahead = ToSeconds(raw - kRawAtStart) - (raw_ - slept_);
  return std::clamp(true_ + ahead / (1 + frequency_), true_, std::floor(true_) + 1);
}

Now HostClock::Read() const {
  const Duration raw = FromSeconds(raw_ - slept_);
  return {MonoTime(kRawAtStart + raw), kEpoch + FromSeconds(raw_ + steered_)};
}

void HostClock::Adjust(Ppm frequency, Duration slew) {
  rate_ = frequency.value * 1e-6;
  phase_left_ = ToSeconds(slew);
  phase_rate_ = 0;
}

void HostClock::Sleep(double seconds) {
  true_ += seconds;
  raw_ += seconds;
  slept_ += seconds;
  OnSecond();
}

void HostClock::Pause(double seconds) {
  true_ += seconds;
  slept_ += seconds;
  raw_ += seconds;
  steered_ -= seconds;
  OnSecond();
}

}  // namespace fleetsync::sim
