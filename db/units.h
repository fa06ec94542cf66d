#pragma once

#include <cstdint>

#include "base/time.h"

namespace fleetsync::db {

// How times are written to the database and read back: microseconds and nanoseconds.

inline int64_t Microseconds(SystemTime t) {
  return std::chrono::floor<std::chrono::microseconds>(t.time_since_epoch()).count();
}
inline int64_t Microseconds(Duration d) {
  return std::chrono::floor<std::chrono::microseconds>(d).count();
}
inline SystemTime InstantFromMicroseconds(int64_t us) {
  return SystemTime(std::chrono::microseconds(us));
}
inline Duration DurationFromMicroseconds(int64_t us) { return std::chrono::microseconds(us); }

}  // namespace fleetsync::db
