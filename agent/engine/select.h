#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"

namespace fleetsync::ntp {

// What selection knows of a source: its time is within offset ± error_bound, if it is a truechimer.
struct Candidate {
  Duration offset{};
  Duration error_bound{};
  uint8_t stratum = 0;
  bool prefer = false;  // to be selected, if it is a truechimer
  bool trust = false;   // where there is such a candidate, these alone decide who is right
};

struct Selection {
  std::vector<bool> truechimer;    // one for each candidate
  std::optional<size_t> selected;  // none: no majority agrees
};

// The intersection algorithm (RFC 5905 11.2.1): the largest group of sources whose intervals share
// a point, provided it is a majority; who has no part in the shared interval is a falseticker. The
// RFC's rule that the midpoints must lie in it too is left out, as in ntpd 4.2.8 and chronyd: an
// honest source behind an uneven path breaks it. Of the truechimers the one with the lowest
// stratum, then the smallest bound is selected; `current` is kept unless another is clearly better
// (lower stratum, or half the bound).
Selection Select(std::span<const Candidate> candidates, std::optional<size_t> current);

}  // namespace fleetsync::ntp
