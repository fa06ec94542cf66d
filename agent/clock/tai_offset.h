#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/time.h"

namespace fleetsync {

// TAI - UTC, as a list of leap seconds has it.
class TaiTable {
 public:
  // The text of a leap-seconds.list (NIST, IERS) or of tzdata's `leapseconds`. InvalidArgument:
  // it is neither, or it does not say until when it holds.
  static StatusOr<TaiTable> Parse(std::string_view text);

  // Whole seconds; none before 1972, and none after the list expired: a leap second may be missing.
  std::optional<int> At(SystemTime utc) const;

 private:
  struct Change {
    SystemTime from;
    int seconds;
  };

  std::vector<Change> changes_;  // ascending
  SystemTime expires_{};
};

// From where distributions keep it below /usr/share/zoneinfo; none when it is not there or cannot
// be read.
std::optional<TaiTable> LoadTaiTable();

}  // namespace fleetsync
