#pragma once

namespace fleetsync::sim {

// The best that a filter of offset and frequency can do: a Kalman filter that is told the clock's
// wander, each path's shortest time and the law of its waits. No engine can know these.
class IdealFilter {
 public:
  explicit IdealFilter(double wander) : q_(wander * wander) {}

  // The clock was seen `offset` seconds off, with that variance of the error.
  void Update(double now, double offset, double variance);
  double At(double now) const { return offset_ + frequency_ * (now - at_); }
  bool started() const { return started_; }

 private:
  double q_;
  bool started_ = false;
  double at_ = 0;
  double offset_ = 0;
  double frequency_ = 0;
  double p00_ = 0;
  double p01_ = 0;
  double p11_ = 1e-8;
};

}  // namespace fleetsync::sim
