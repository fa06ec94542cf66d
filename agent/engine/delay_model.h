#pragma once

#include <array>
#include <cstddef>

namespace fleetsync::ntp {

// What a source's round trips tell of the errors of its offsets.
//
// A packet waits in queues on top of the path's shortest time. If both ways' waits are drawn from
// one distribution of the gamma family with shape k, then given the sum s of the two (the round
// trip less the shortest), the split of s is Beta(k, k), the offset's error is at most s/2 and has
// the variance s² / 4(2k + 1): for exponential waits (k = 1) s²/12, for waits that are the sum of
// many things (k large) nearly the same for every sample, for a path that is congested one way
// at a time (k towards 0) the whole s²/4. The shortest time and k are learned from the last
// round trips: 2k is mean²/variance of s. What waited far longer than the others is congestion of
// one way, and many such samples are wrong to the same side: these get the square of the excess.
class DelayModel {
 public:
  // `delay` in seconds, not negative.
  void Add(double delay);
  void Clear() { *this = DelayModel(); }
  // Of the error of an offset measured with this round trip, square seconds.
  double Variance(double delay) const;
  // It waited no longer than the others: what it says of the noise may be generalised.
  bool IsUsual(double delay) const { return delay <= usual_; }
  // Of the waits on a usual round trip, seconds: RMS of the offsets' errors.
  double Typical() const { return typical_; }
  // The path's shortest round trip as far as it is known, seconds.
  double base() const { return base_; }
  // The shortest round trip, or that of the last few when they all took longer than most before
  // (the route has changed), seconds: half of it bounds how wrong an uneven path can make what is
  // learned from it.
  double Shortest() const;
  bool empty() const { return count_ == 0; }

 private:
  static constexpr size_t kWindow = 512;
  // So many round trips in a row that are longer than most before them: the route has changed.
  static constexpr size_t kNewRoute = 128;

  // How many the last few are.
  static constexpr size_t kFew = 16;

  void Fit();
  void ForgetOldRoute();

  std::array<double, kWindow> delays_{};  // a ring
  size_t count_ = 0;
  size_t next_ = 0;
  size_t long_in_a_row_ = 0;  // round trips longer than the median
  double median_ = 0;
  double smallest_ = 0;
  double base_ = 0;
  double usual_ = 0;  // the longest that belongs to the regime of the others
  double floor_ = 0;  // least credible s
  double shape_ = 2;  // 2k
  double typical_ = 0;
};

}  // namespace fleetsync::ntp
