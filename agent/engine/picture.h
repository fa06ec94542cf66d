#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "agent/engine/association.h"
#include "agent/engine/config.h"
#include "agent/engine/snapshot.h"
#include "base/time.h"

namespace fleetsync::ntp {

// Which sources can be believed at one moment.
struct Picture {
  std::vector<std::optional<Estimate>> estimates;  // one for each source
  std::vector<SourceState> states;
  std::optional<size_t> selected;
  int truechimers = 0;

  // Some source answers, whether it is believed or not.
  bool AnyAnswers() const {
    return std::any_of(estimates.begin(), estimates.end(),
                       [](const std::optional<Estimate>& e) { return e.has_value(); });
  }
  // The source is a truechimer, selected or not.
  bool Follows(size_t source) const {
    return states[source] == SourceState::kSelected || states[source] == SourceState::kCandidate;
  }
};

// `rate`: of the clock, if it has been learned; `selected`: the source that was until now. Pure.
Picture LookAt(std::span<const Association> sources, Now now,
               std::optional<SampleFilter::Rate> rate, std::optional<size_t> selected,
               const EngineConfig& config);

}  // namespace fleetsync::ntp
