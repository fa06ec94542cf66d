#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/sim/world.h"

namespace fleetsync::sim {

// The world that most tests of behaviour begin with.

inline constexpr double kMinute = 60;
inline constexpr double kHour = 3600;

inline Server Near(double base = 1e-3, double exponential = 100e-6) {
  const Way way{.base = base, .exponential = exponential};
  return {.there = way, .back = way};
}

// A host 10 ppm off with `servers` servers a millisecond away, asked every 64 s.
inline WorldConfig Usual(size_t servers, Duration ahead = {}) {
  return {.oscillator = {.frequency = 10e-6, .wander = 1e-9},
          .ahead = ahead,
          .servers = std::vector<Server>(servers, Near()),
          .source = {.maxpoll = 6, .iburst = true}};
}

// Of the clock, seconds, over that span.
inline double LargestError(World& world, double span) {
  double largest = 0;
  world.RunFor(span, [&] { largest = std::max(largest, std::abs(world.clock().Error())); });
  return largest;
}

}  // namespace fleetsync::sim
