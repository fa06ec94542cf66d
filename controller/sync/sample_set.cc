#include "controller/sync/sample_set.h"

#include <algorithm>

namespace fleetsync::sync {
namespace {

constexpr int64_t kDriftDivisor = 1'000'000 / 500;
// Two clock readings of one Now are not taken at one instant.
constexpr Duration kReadingSpread = std::chrono::milliseconds(1);

}  // namespace

Duration DriftDuring(Now earlier, Now later) {
  return Abs(later.mono - earlier.mono) / kDriftDivisor;
}

Duration SteppedBetween(Now earlier, Now later) {
  const Duration elapsed = later.mono - earlier.mono;
  const Duration extra = (later.system - earlier.system) - elapsed;
  const Duration allowed = kReadingSpread + DriftDuring(earlier, later);
  return Abs(extra) <= allowed ? Duration::zero() : extra;
}

void SampleSet::Add(const Exchange& exchange) {
  if (SteppedBetween(exchange.sent, exchange.received) != Duration::zero()) {
    interval_.reset();
    return;
  }
  const Interval fresh{exchange.sent.system - exchange.latest,
                       exchange.received.system - exchange.earliest};
  ++size_;
  if (!interval_ || SteppedBetween(at_, exchange.received) != Duration::zero()) {
    interval_ = fresh;
    at_ = exchange.received;
    return;
  }
  const Duration drift = DriftDuring(at_, exchange.received);
  const Interval common{std::max(interval_->low - drift, fresh.low),
                        std::min(interval_->high + drift, fresh.high)};
  if (common.low > common.high) {
    Restart(fresh, exchange.received);
    return;
  }
  interval_ = common;
  at_ = exchange.received;
}

void SampleSet::Restart(const Interval& interval, Now at) {
  ++restarts_;
  interval_ = interval;
  at_ = at;
}

std::optional<Estimate> SampleSet::estimate() const {
  if (!interval_) return std::nullopt;
  const Duration bound = (interval_->high - interval_->low + Duration(1)) / 2;
  return Estimate{interval_->low + bound, bound};
}

}  // namespace fleetsync::sync
