#include "agent/engine/delay_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

namespace fleetsync::ntp {
namespace {

// One round trip says nothing of the others: a twentieth of it is what they commonly differ by.
constexpr double kUnknownSpread = 0.05;
constexpr double kLeastShape = 0.5;
constexpr double kMostShape = 50;
constexpr double kReadError = 20e-9;  // of a clock, seconds
// The j-th smallest of many sums of two exponential waits lies at gamma(j + 1/2) / gamma(j) of a
// unit that the number of samples sets: so the smallest, which is never the path's shortest, lies
// above that by this part of its distance from the fifth.
constexpr double kBelowTheSmallest = 0.684;
constexpr size_t kFifth = 4;
// What lies this many times further from the smallest than the median is another regime (a
// burst of congestion): it must not stretch the moments.
constexpr double kOutOfRegime = 5;

constexpr size_t kEnoughForSkewness = 32;
constexpr double kLeastSkewness = 0.25;  // about its standard error

// Standard deviations above the mean: what waited longer did so on one way (a burst).
constexpr double kUsual = 4;

struct Moments {
  double mean = 0;
  double variance = 0;
  double skewness = 0;
};

Moments MomentsOf(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  Moments m;
  m.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double cubes = 0;
  for (const double v : values) {
    const double d = v - m.mean;
    m.variance += d * d / n;
    cubes += d * d * d / n;
  }
  if (m.variance > 0) m.skewness = cubes / std::pow(m.variance, 1.5);
  return m;
}

}  // namespace

void DelayModel::Add(double delay) {
  delays_[next_] = delay;
  next_ = (next_ + 1) % kWindow;
  count_ = std::min(count_ + 1, kWindow);
  long_in_a_row_ = delay > median_ ? long_in_a_row_ + 1 : 0;
  if (long_in_a_row_ >= kNewRoute) ForgetOldRoute();
  Fit();
}

void DelayModel::ForgetOldRoute() {
  std::array<double, kNewRoute> last;
  for (size_t i = 0; i < kNewRoute; ++i)
    last[i] = delays_[(next_ + kWindow - kNewRoute + i) % kWindow];
  std::copy(last.begin(), last.end(), delays_.begin());
  next_ = count_ = kNewRoute;
  long_in_a_row_ = 0;
}

void DelayModel::Fit() {
  std::array<double, kWindow> sorted = delays_;
  const auto begin = sorted.begin();
  std::sort(begin, begin + static_cast<std::ptrdiff_t>(count_));
  const double smallest = sorted[0];
  const double median = sorted[count_ / 2];
  median_ = median;
  smallest_ = smallest;
  const double limit = median + kOutOfRegime * (median - smallest);
  const auto end = std::upper_bound(begin, begin + static_cast<std::ptrdiff_t>(count_), limit);
  const Moments m = MomentsOf({sorted.data(), static_cast<size_t>(end - begin)});

  floor_ = kBelowTheSmallest * (sorted[std::min(kFifth, count_ - 1)] - smallest);
  base_ = smallest - floor_;
  // Waits that are spread evenly about their mean show no shortest time: a gamma distribution with
  // their skewness begins lower.
  if (count_ >= kEnoughForSkewness) {
    const double skewness = std::max(m.skewness, kLeastSkewness);
    base_ = std::min(base_, m.mean - 2 * std::sqrt(m.variance) / skewness);
  }
  base_ = std::clamp(base_, 0.0, smallest);
  usual_ = m.mean + kUsual * std::sqrt(m.variance);
  const double wait = m.mean - base_;
  shape_ = m.variance > 0 ? std::clamp(wait * wait / m.variance, kLeastShape, kMostShape) : 2;
  typical_ = std::sqrt(Variance(m.mean));
}

double DelayModel::Shortest() const {
  double shortest = delays_[(next_ + kWindow - 1) % kWindow];
  for (size_t i = 2; i <= std::min(count_, kFew); ++i)
    shortest = std::min(shortest, delays_[(next_ + kWindow - i) % kWindow]);
  return shortest > median_ ? shortest : smallest_;
}

double DelayModel::Variance(double delay) const {
  const double waited = std::max(std::min(delay, usual_) - base_, floor_);
  const double excess = std::max(0.0, delay - usual_);
  const double unknown = kUnknownSpread * base_ / static_cast<double>(count_);
  return waited * waited / (4 * (shape_ + 1)) + excess * excess + unknown * unknown +
         kReadError * kReadError;
}

}  // namespace fleetsync::ntp
