#pragma once

#include <cstdint>

#include "base/time.h"

namespace fleetsync::ntp {

// 64-bit NTP timestamp: units of 2^-32 s since the start of an era that is not stated (RFC 5905 6).
// Era 0 began on 1 January 1900, era 1 begins on 7 February 2036.
struct Timestamp {
  uint64_t bits = 0;
  friend constexpr bool operator==(Timestamp, Timestamp) = default;
  // Zero means "not set" on the wire.
  constexpr bool IsZero() const { return bits == 0; }
};

// a - b modulo one era: right across 2036 while the two are within 68 years. Rounded to the
// nearest nanosecond.
constexpr Duration operator-(Timestamp a, Timestamp b) {
  const auto difference = static_cast<int64_t>(a.bits - b.bits);
  const auto fraction = static_cast<uint64_t>(difference & 0xffffffff);
  const auto nanoseconds = static_cast<int64_t>((fraction * 1'000'000'000 + (1ULL << 31)) >> 32);
  return Duration{(difference >> 32) * 1'000'000'000 + nanoseconds};
}

// The instant with these bits that is nearest to `near`; `near` may be wrong by up to 68 years.
SystemTime ToSystemTime(Timestamp t, SystemTime near);

// Exact to the nanosecond: ToSystemTime(ToTimestamp(t), t) == t.
Timestamp ToTimestamp(SystemTime t);

// 32-bit short format, units of 2^-16 s, unsigned (RFC 5905 6): root delay and root dispersion.
Duration FromShort(uint32_t wire);
// Rounded up, since it is a bound; negative is 0, more than 65536 s is the largest value.
uint32_t ToShort(Duration d);

// 2^log2 seconds, the form of poll and precision on the wire; at least 1 ns, at most 2^32 s.
Duration FromLog2(int log2_seconds);

}  // namespace fleetsync::ntp
