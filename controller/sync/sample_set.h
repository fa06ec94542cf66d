#pragma once

#include <cstddef>
#include <optional>

#include "base/time.h"

namespace fleetsync::sync {

// How far a clock is from the reference: the truth is within offset ± bound.
struct Estimate {
  Duration offset{};  // positive: the reference is ahead
  Duration bound{};
};

// One question and answer: the other machine read its clock at some moment between `sent` and
// `received`, and the reading was somewhere in [earliest, latest] (its resolution).
struct Exchange {
  Now sent, received;
  SystemTime earliest, latest;
};

// What several exchanges say together about one clock. Each confines the offset to an interval
// whatever the network and the machines' load did to its delay; the truth is in all of them, so in
// their intersection, which is narrower than the best of them. Pure.
class SampleSet {
 public:
  // An exchange during which our own clock was stepped is dropped with all before it.
  void Add(const Exchange& exchange);

  // At the time of the last exchange. Empty without exchanges.
  std::optional<Estimate> estimate() const;
  size_t size() const { return size_; }
  // How often the intervals had nothing in common: one of the clocks was moved meanwhile, and what
  // was known before was forgotten.
  size_t restarts() const { return restarts_; }

 private:
  struct Interval {
    Duration low, high;
  };
  void Restart(const Interval& interval, Now at);

  std::optional<Interval> interval_;
  Now at_{};
  size_t size_ = 0, restarts_ = 0;
};

// How much less certain an offset is after this time: a disciplined or free-running clock gains or
// loses less than 500 ppm (the kernel's limit, adjtimex(2)).
Duration DriftDuring(Now earlier, Now later);

// How much further our system clock went than our monotonic one between two readings: a step of
// our own clock, since slewing stays below 500 ppm.
Duration SteppedBetween(Now earlier, Now later);

}  // namespace fleetsync::sync
