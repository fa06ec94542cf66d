#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "base/time.h"
#include "proto/ntp/exchange.h"

namespace fleetsync::ntp {

// One good exchange with a server.
struct Sample {
  Now at;             // when the answer came, both clocks read together
  Duration offset{};  // of the server from the system clock, at that moment
  Duration delay{};
  Duration dispersion{};  // reading errors of the exchange
  Duration root_delay{};  // as the server says
  Duration root_dispersion{};
};

// What the samples say about this moment.
struct Estimate {
  Duration offset{};       // of the server from the system clock
  Duration error_bound{};  // with the server's own distance from its reference
  Duration delay{};
  Duration dispersion{};  // error_bound without the two halves of delay and root delay
  Duration jitter{};      // RMS of the samples about the line through them
  Duration root_delay{};  // of the server
  MonoTime newest;
};

// The last eight samples of one source, and which of them to believe.
//
// Offsets are compared on the timeline of CLOCK_MONOTONIC_RAW, which nobody slews or steps: what
// another program does to the system clock between two samples is read off, not guessed. What is
// left is the oscillator's own error, whose rate two samples bound.
class SampleFilter {
 public:
  void Add(const Sample& sample);
  void Clear() { count_ = 0; }
  bool empty() const { return count_ == 0; }
  // The sample with the smallest error bound once it is carried forward to `now`; none: no samples.
  // `known` is the rate of the clock as learned elsewhere, if that is better than what these few
  // samples tell.
  struct Rate {
    double value = 0;        // of (server - raw clock), seconds a second
    double uncertainty = 0;  // by how much it may be wrong
  };
  std::optional<Estimate> At(Now now, std::optional<Rate> known = std::nullopt) const;
  // Oldest first.
  std::span<const Sample> samples() const { return {samples_.data(), count_}; }
  // The others were measured before the server or the clock jumped.
  void KeepNewest();

 private:
  static constexpr size_t kSize = 8;  // RFC 5905 10, NSTAGE

  Rate BestRate() const;
  double JitterAbout(const Sample& best, const Rate& rate) const;

  std::array<Sample, kSize> samples_{};  // the first count_ are used, oldest first
  size_t count_ = 0;
};

}  // namespace fleetsync::ntp
