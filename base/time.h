#pragma once

#include <chrono>
#include <compare>

namespace fleetsync {

// Signed, nanoseconds. An offset is positive when the reference is ahead of the clock it is
// measured for, as RFC 5905's theta: add it to that clock to be right. Everywhere.
using Duration = std::chrono::nanoseconds;

// Two timelines, two types: subtracting one from the other does not compile.
struct SystemTimeline {};  // CLOCK_REALTIME. Steps. What the fleet agrees on.
struct MonoTimeline {
};  // CLOCK_MONOTONIC_RAW. Never steps, never slewed. Every deadline and interval.
using SystemTime = std::chrono::time_point<SystemTimeline, Duration>;
using MonoTime = std::chrono::time_point<MonoTimeline, Duration>;

// Both, read together, once for a turn of a loop; the whole turn sees this one.
struct Now {
  MonoTime mono;
  SystemTime system;
};

// Relative frequency in parts per million; positive makes the clock run faster.
struct Ppm {
  double value = 0;
  friend constexpr auto operator<=>(Ppm, Ppm) = default;
};

constexpr double ToSeconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr Duration FromSeconds(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}
constexpr Duration Abs(Duration d) { return d < Duration::zero() ? -d : d; }

}  // namespace fleetsync
