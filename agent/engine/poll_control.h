#pragma once

#include <algorithm>
#include <cstdint>

#include "agent/engine/estimator.h"

namespace fleetsync::ntp {

// How long to wait before a source is asked again: as long as what the clock may wander meanwhile
// stays small beside what one sample can tell. Pure.
class PollControl {
 public:
  PollControl(int8_t minpoll, int8_t maxpoll)
      : minpoll_(minpoll), maxpoll_(maxpoll), poll_(minpoll) {}

  // A sample came, whose offset is usually wrong by `noise` seconds.
  void OnSample(const Belief& belief, double noise);
  // Something is not as believed: ask often again.
  void Restart() { poll_ = minpoll_, votes_ = 0; }
  // As another source's, as far as the limits allow.
  void Set(int8_t poll) { poll_ = std::clamp(poll, minpoll_, maxpoll_); }
  // The server wants to be asked less often, for good.
  void Slow();

  int8_t poll() const { return poll_; }  // log2 seconds

 private:
  int8_t minpoll_;
  int8_t maxpoll_;
  int8_t poll_;
  int votes_ = 0;  // samples in a row for a longer interval, or less than 0 for a shorter one
};

}  // namespace fleetsync::ntp
