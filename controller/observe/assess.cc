#include "controller/observe/assess.h"

namespace fleetsync::observe {
namespace {

// Intervals without a common point cannot both hold the truth.
bool Contradict(const sync::Estimate& a, const sync::Estimate& b) {
  return Abs(a.offset - b.offset) > a.bound + b.bound;
}

std::optional<sync::Estimate> Claimed(const DaemonState& state) {
  if (!state.synchronised() || !state.offset || !state.error_bound) return std::nullopt;
  return sync::Estimate{.offset = *state.offset, .bound = *state.error_bound};
}

std::string SourceName(const DaemonState& state) {
  if (const Source* selected = state.Selected()) return selected->name;
  return state.own_clock ? "LOCAL" : "";
}

}  // namespace

status::Reading Assess(const Observation& observation,
                       const std::optional<sync::Estimate>& measured, SystemTime at) {
  const DaemonState& state = observation.state;
  status::Reading reading;
  reading.at = at;
  reading.stratum = state.stratum;
  reading.stratum_known = !(state.synchronised() && state.stratum == 0);
  reading.leap = static_cast<uint8_t>(state.leap);
  reading.source = SourceName(state);
  reading.frequency = state.frequency;
  reading.daemon = state.daemon;
  const Source* selected = state.Selected();
  reading.reach = selected != nullptr ? selected->reach : std::nullopt;
  const std::optional<sync::Estimate> claimed = Claimed(state);
  const bool believed = claimed && !(measured && Contradict(*claimed, *measured));
  if (believed || measured) {
    reading.offset = believed ? claimed->offset : measured->offset;
    reading.error_bound = believed ? claimed->bound : measured->bound;
  } else {
    // Where nothing says how far a clock may be off, its daemon's word alone does not make it
    // right.
    reading.stratum = 16;
    reading.stratum_known = true;
    reading.leap = static_cast<uint8_t>(Leap::kUnsynchronised);
  }
  if (measured) {
    reading.measured = measured->offset;
    reading.measured_bound = measured->bound;
  }
  return reading;
}

}  // namespace fleetsync::observe
