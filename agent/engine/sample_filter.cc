#include "agent/engine/sample_filter.h"

#include <algorithm>
#include <cmath>

namespace fleetsync::ntp {
namespace {

constexpr double kMaxRate = 500e-6;  // adjtimex(2): no clock that Linux disciplines errs by more
constexpr double kPhi = 15e-6;       // RFC 5905 7.2: how fast the rate itself is let wander

// How far (server - raw clock) moved between two samples, in seconds: steps and slews of the
// system clock cancel.
double Moved(const Sample& from, const Sample& to) {
  return ToSeconds((to.offset - from.offset) +
                   ((to.at.system - from.at.system) - (to.at.mono - from.at.mono)));
}

// What one exchange cannot tell, apart from what the server does not know itself.
double OwnError(const Sample& s) { return ToSeconds(s.delay / 2 + s.dispersion); }

}  // namespace

void SampleFilter::Add(const Sample& sample) {
  if (count_ == kSize) {
    std::rotate(samples_.begin(), samples_.begin() + 1, samples_.end());
    --count_;
  }
  samples_[count_++] = sample;
}

SampleFilter::Rate SampleFilter::BestRate() const {
  Rate best{0, kMaxRate};
  for (size_t i = 0; i < count_; ++i) {
    for (size_t j = i + 1; j < count_; ++j) {
      const double span = ToSeconds(samples_[j].at.mono - samples_[i].at.mono);
      if (span <= 0) continue;
      const double uncertainty = (OwnError(samples_[i]) + OwnError(samples_[j])) / span + kPhi;
      if (uncertainty >= best.uncertainty) continue;
      const double value = Moved(samples_[i], samples_[j]) / span;
      if (std::abs(value) <= kMaxRate) best = {value, uncertainty};
    }
  }
  return best;
}

double SampleFilter::JitterAbout(const Sample& best, const Rate& rate) const {
  if (count_ < 2) return 0;
  double sum = 0;
  for (size_t i = 0; i < count_; ++i) {
    const double apart = ToSeconds(samples_[i].at.mono - best.at.mono);
    const double residual = Moved(best, samples_[i]) - rate.value * apart;
    sum += residual * residual;
  }
  return std::sqrt(sum / static_cast<double>(count_ - 1));
}

void SampleFilter::KeepNewest() {
  if (count_ == 0) return;
  samples_[0] = samples_[count_ - 1];
  count_ = 1;
}

std::optional<Estimate> SampleFilter::At(Now now, std::optional<Rate> known) const {
  if (count_ == 0) return std::nullopt;
  Rate rate = BestRate();
  if (known && known->uncertainty < rate.uncertainty) rate = *known;
  const auto carried_error = [&](const Sample& s) {
    return OwnError(s) + rate.uncertainty * ToSeconds(now.mono - s.at.mono);
  };
  const auto* end = samples_.data() + count_;
  const Sample& best = *std::min_element(
      samples_.data(), end,
      [&](const Sample& a, const Sample& b) { return carried_error(a) < carried_error(b); });

  const Duration age = now.mono - best.at.mono;
  const Duration clock_moved = (now.system - best.at.system) - age;
  Estimate e;
  e.offset = best.offset - clock_moved + FromSeconds(rate.value * ToSeconds(age));
  e.delay = best.delay;
  e.root_delay = best.root_delay;
  e.dispersion =
      best.dispersion + best.root_dispersion + FromSeconds(rate.uncertainty * ToSeconds(age));
  e.error_bound = e.dispersion + (best.delay + best.root_delay) / 2;
  e.jitter = FromSeconds(JitterAbout(best, rate));
  e.newest = samples_[count_ - 1].at.mono;
  return e;
}

}  // namespace fleetsync::ntp
