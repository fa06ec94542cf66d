#include "proto/ntp/time.h"

#include <algorithm>

namespace fleetsync::ntp {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kUnixEpoch = 2'208'988'800;  // seconds from 1 January 1900 to 1 January 1970

}  // namespace

SystemTime ToSystemTime(Timestamp t, SystemTime near) { return near + (t - ToTimestamp(near)); }

Timestamp ToTimestamp(SystemTime t) {
  const int64_t since_1970 = t.time_since_epoch().count();
  int64_t seconds = since_1970 / kNanosPerSecond;
  int64_t nanos = since_1970 % kNanosPerSecond;
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --seconds;
  }
  const uint64_t fraction =
      ((static_cast<uint64_t>(nanos) << 32) + kNanosPerSecond / 2) / kNanosPerSecond;
  return {(static_cast<uint64_t>(seconds + kUnixEpoch) << 32) + fraction};
}

Duration FromShort(uint32_t wire) {
  return Duration{static_cast<int64_t>((static_cast<uint64_t>(wire) * kNanosPerSecond) >> 16)};
}

uint32_t ToShort(Duration d) {
  if (d <= Duration::zero()) return 0;
  if (d >= FromShort(UINT32_MAX)) return UINT32_MAX;
  const auto nanos = static_cast<uint64_t>(d.count());
  const uint64_t seconds = nanos / kNanosPerSecond;
  const uint64_t rest = nanos % kNanosPerSecond;
  return static_cast<uint32_t>((seconds << 16) +
                               ((rest << 16) + kNanosPerSecond - 1) / kNanosPerSecond);
}

Duration FromLog2(int log2_seconds) {
  if (log2_seconds >= 0) return Duration{kNanosPerSecond << std::min(log2_seconds, 32)};
  return Duration{std::max<int64_t>(1, kNanosPerSecond >> std::min(-log2_seconds, 62))};
}

}  // namespace fleetsync::ntp
