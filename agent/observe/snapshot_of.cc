#include "agent/observe/snapshot_of.h"

#include <algorithm>
#include <string>

#include "agent/net/address_text.h"
#include "proto/ntp/names.h"

namespace fleetsync::observe {
namespace {

ntp::SourceState ToState(SourceState state) {
  switch (state) {
    case SourceState::kSelected:
      return ntp::SourceState::kSelected;
    case SourceState::kCandidate:
      return ntp::SourceState::kCandidate;
    case SourceState::kOutlier:
      return ntp::SourceState::kOutlier;
    case SourceState::kFalseticker:
      return ntp::SourceState::kFalseticker;
    case SourceState::kUnreachable:
      return ntp::SourceState::kUnreachable;
  }
  return ntp::SourceState::kUnreachable;
}

// "192.0.2.1" or ".GPS.", "GPS": what ReferenceIdText makes; 0: neither.
uint32_t ReferenceIdOf(std::string_view text) {
  if (const auto address = net::ParseNumericAddress(std::string(text), 123))
    return ntp::ReferenceIdOf(*address);
  while (text.starts_with('.')) text.remove_prefix(1);
  while (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 4) return 0;
  uint32_t id = 0;
  for (size_t i = 0; i < 4; ++i)
    id = id << 8 | (i < text.size() ? static_cast<uint8_t>(text[i]) : 0U);
  return id;
}

ntp::SourceSnapshot SourceOf(const Source& source, uint32_t number) {
  ntp::SourceSnapshot out;
  out.id = ntp::SourceId{number};
  out.name = source.name;
  out.address =
      net::ParseNumericAddress(source.address.empty() ? source.name : source.address, 123);
  out.state = ToState(source.state);
  out.stratum = source.stratum;
  out.reach = source.reach.value_or(0);
  out.poll = static_cast<int8_t>(source.poll.value_or(0));
  out.reference_id = ReferenceIdOf(source.reference_id);
  if (!source.offset) return out;
  out.offset = *source.offset;
  out.error_bound = source.error_bound.value_or(Duration::zero());
  out.delay = source.delay.value_or(Duration::zero());
  out.jitter = source.jitter.value_or(Duration::zero());
  // Where the age is not told, the newest sample is at most a poll old.
  const int poll = std::clamp(source.poll.value_or(0), 0, 17);
  out.sample_age = source.last.value_or(std::chrono::seconds(int64_t{1} << poll));
  return out;
}

bool Contradict(const ntp::Snapshot& a, const ntp::Snapshot& b) {
  return Abs(a.offset - b.offset) > a.error_bound + b.error_bound;
}

}  // namespace

ntp::Snapshot SnapshotOf(const DaemonState& state, Now at) {
  ntp::Snapshot out;
  out.at = at;
  uint32_t number = 0;
  for (const Source& source : state.sources) out.sources.push_back(SourceOf(source, number++));
  for (const ntp::SourceSnapshot& source : out.sources)
    if (source.state == ntp::SourceState::kSelected && source.address)
      out.reference_id = ntp::ReferenceIdOf(*source.address);
  if (state.frequency) out.frequency = *state.frequency;
  const bool follows = state.synchronised() && !state.own_clock;
  if (!follows || !state.offset || !state.error_bound) return out;
  out.synchronised = true;
  out.leap = static_cast<ntp::Leap>(state.leap);
  out.stratum = state.stratum;
  out.offset = *state.offset;
  out.error_bound = *state.error_bound;
  out.root_delay = state.root_delay.value_or(Duration::zero());
  out.root_dispersion = state.root_dispersion.value_or(Duration::zero());
  out.jitter = state.jitter.value_or(Duration::zero());
  return out;
}

ntp::Snapshot Weigh(const ntp::Snapshot& said, const ntp::Snapshot& measured) {
  if (!measured.synchronised) return said;
  const bool believed = said.synchronised && !Contradict(said, measured);
  if (believed && said.error_bound <= measured.error_bound) return said;
  ntp::Snapshot out = measured;
  out.sources = said.sources;
  out.frequency = said.frequency;
  return out;
}

}  // namespace fleetsync::observe
