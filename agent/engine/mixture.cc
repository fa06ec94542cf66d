#include "agent/engine/mixture.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fleetsync::ntp {
namespace {

constexpr double kFarTail = 6.2;  // standard deviations: less than 1e-9 is beyond
constexpr int kBisections = 16;   // to a ten-thousandth

double Beyond(std::span<const Normal> mixture, double middle, double reach) {
  double beyond = 0;
  for (const Normal& n : mixture)
    for (const double to_the_end : {reach - n.mean + middle, reach + n.mean - middle})
      beyond += n.weight / 2 * std::erfc(to_the_end / n.sigma / std::numbers::sqrt2);
  return beyond;
}

}  // namespace

double Reach(std::span<const Normal> mixture, double middle, double beyond) {
  double low = 0;
  double high = 0;
  for (const Normal& n : mixture)
    high = std::max(high, std::abs(n.mean - middle) + kFarTail * n.sigma);
  for (int i = 0; i < kBisections; ++i) {
    const double half = (low + high) / 2;
    (Beyond(mixture, middle, half) > beyond ? low : high) = half;
  }
  return high;
}

}  // namespace fleetsync::ntp
