#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/time.h"

namespace fleetsync::ui {

// An axis on which microseconds and seconds of either sign have room: linear around zero, up to
// about ± `linear`, logarithmic beyond.
class SymlogScale {
 public:
  // low < high, linear > 0.
  SymlogScale(Duration low, Duration high, Duration linear);

  // 0 at `low`, 1 at `high`, and never outside.
  double Position(Duration value) const;

  // Zero and ± powers of ten that are on the axis, ascending, none nearer than 1/most to another.
  std::vector<Duration> Ticks(size_t most) const;

 private:
  double Transform(Duration value) const;

  Duration low_, high_, linear_;
  double from_, width_;
};

// "+1 ms", "-100 us", "0": powers of ten of a second and their multiples.
std::string TickLabel(Duration value);

struct TimeTick {
  SystemTime at;
  std::string label;  // in UTC: "14:30", "05-23", "05-23 14:30" where the day changes
};
// Whole minutes, hours or days from `since` to `until`, at most `most`, ascending.
std::vector<TimeTick> TimeTicks(SystemTime since, SystemTime until, size_t most);

}  // namespace fleetsync::ui
