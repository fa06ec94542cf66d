#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace fleetsync::sync {

// The command that answers each line "N" on its standard input with "N READING", READING being the
// host's clock in seconds since the epoch, after a first line "fleetsync-clock SOURCE". It takes
// the finest clock that the host's shell can read without privileges: the shell's own
// $EPOCHREALTIME (bash 5, busybox), date(1) with %N, busybox's adjtimex, whole seconds of date(1).
std::string ClockCommand();

// The reading is in [earliest, latest]: the digits that are not there are unknown.
struct ClockReading {
  uint64_t number = 0;
  SystemTime earliest, latest;
};

// "7 1795213504.971631"; a comma is a decimal point as well. Nothing when it is no reading.
std::optional<ClockReading> ParseClockReading(std::string_view line);

inline constexpr std::string_view kClockBanner = "fleetsync-clock ";

}  // namespace fleetsync::sync
