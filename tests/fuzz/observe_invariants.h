#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/observe/daemon_state.h"
#include "agent/observe/dialogue.h"
#include "agent/observe/snapshot_of.h"
#include "base/text.h"
#include "base/time.h"

namespace fleetsync::fuzz {

inline void Check(bool holds) {
  if (!holds) abort();
}

// The input as datagrams, each behind its length in two bytes.
inline std::vector<std::span<const std::byte>> Datagrams(std::span<const std::byte> input) {
  std::vector<std::span<const std::byte>> datagrams;
  while (input.size() > 2) {
    const size_t said = std::to_integer<size_t>(input[0]) << 8 | std::to_integer<size_t>(input[1]);
    input = input.subspan(2);
    datagrams.push_back(input.first(std::min(said, input.size())));
    input = input.subspan(datagrams.back().size());
  }
  return datagrams;
}

inline void CheckDuration(const std::optional<Duration>& duration) {
  if (duration) Check(Abs(*duration) <= std::chrono::hours(24 * 366) * 290);
}

// Whatever was answered: what comes out can be added up, printed and reported.
inline void CheckState(const observe::DaemonState& state) {
  Check(state.stratum <= 16);
  Check(state.sources.size() <= observe::kMostSources);
  for (const auto& duration :
       {state.offset, state.error_bound, state.root_delay, state.root_dispersion, state.jitter})
    CheckDuration(duration);
  Check(Printable(state.version) == state.version);
  for (const observe::Source& source : state.sources) {
    Check(source.stratum >= 1 && source.stratum <= 16);
    Check(!source.poll || (*source.poll >= -32 && *source.poll <= 32));
    Check(Printable(source.name) == source.name);
    for (const auto& duration :
         {source.last, source.offset, source.delay, source.jitter, source.error_bound})
      CheckDuration(duration);
  }
  const ntp::Snapshot snapshot = observe::SnapshotOf(state, {});
  Check(snapshot.sources.size() == state.sources.size());
  Check(!snapshot.synchronised || (state.offset && state.error_bound));
}

}  // namespace fleetsync::fuzz
