#include "tests/sim/ideal.h"

namespace fleetsync::sim {

void IdealFilter::Update(double now, double offset, double variance) {
  if (!started_) {
    started_ = true;
    at_ = now;
    offset_ = offset;
    p00_ = variance;
    return;
  }
  const double dt = now - at_;
  at_ = now;
  offset_ += frequency_ * dt;
  p00_ += 2 * dt * p01_ + dt * dt * p11_ + q_ * dt * dt * dt / 3;
  p01_ += dt * p11_ + q_ * dt * dt / 2;
  p11_ += q_ * dt;
  const double spread = p00_ + variance;
  const double innovation = offset - offset_;
  const double gain0 = p00_ / spread;
  const double gain1 = p01_ / spread;
  offset_ += gain0 * innovation;
  frequency_ += gain1 * innovation;
  p11_ -= gain1 * p01_;
  p01_ -= gain0 * p01_;
  p00_ -= gain0 * p00_;
}

}  // namespace fleetsync::sim
