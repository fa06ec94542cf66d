#pragma once

#include <ostream>

#include "base/time.h"
#include "base/time_text.h"
#include "controller/sync/sample_set.h"

namespace fleetsync {

// So that a failed expectation prints "+1.30 ms" and not bytes.
inline void PrintTo(const Duration& d, std::ostream* out) { *out << FormatSigned(d); }

namespace sync {

using namespace std::chrono_literals;

// An instant of a test: `since` after its start, by both of our clocks, which agree.
inline Now At(Duration since) {
  constexpr Duration kStart = std::chrono::seconds(1'800'000'000);
  return {.mono = MonoTime(since), .system = SystemTime(kStart + since)};
}

// The host read its clock, which is `behind` us, half way between two of our readings.
inline Exchange Asked(Duration sent, Duration round_trip, Duration behind,
                      Duration resolution = 1us) {
  const Exchange exchange{.sent = At(sent),
                          .received = At(sent + round_trip),
                          .earliest = At(sent + round_trip / 2).system - behind,
                          .latest = At(sent + round_trip / 2).system - behind + resolution};
  return exchange;
}

}  // namespace sync
}  // namespace fleetsync
