#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace fleetsync::observe {

// Numbers as time daemons print them, the whole of `text` or nothing. A leading '+' is taken.
std::optional<double> ParseDouble(std::string_view text);
std::optional<int64_t> ParseInteger(std::string_view text, int base = 10);

// `text` counts `unit`s: ParseScaled("-0.309", milliseconds(1)). Nothing beyond 63 years: callers
// may add up four durations.
std::optional<Duration> ParseScaled(std::string_view text, Duration unit);

// A number of seconds within the same limits.
std::optional<Duration> SecondsDuration(double seconds);

// Numbers with units, added up: "-330us", "1min 4s", "10m", "2d"; a bare number counts `bare`s.
std::optional<Duration> ParseSpan(std::string_view text, Duration bare);

// A poll interval as log2 of seconds, rounded.
std::optional<int> Log2Seconds(Duration interval);

// A shift register of eight polls in octal, "377".
std::optional<uint8_t> ParseReach(std::string_view text);

// 1 to 15 as they are; 16 for all else.
uint8_t ParseStratum(std::string_view text);

// Half of the delay may be asymmetry: what RFC 5905 calls the root distance, without jitter.
std::optional<Duration> RootDistance(std::optional<Duration> delay,
                                     std::optional<Duration> dispersion);

}  // namespace fleetsync::observe
