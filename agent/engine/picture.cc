#include "agent/engine/picture.h"

#include <algorithm>

#include "agent/engine/select.h"

namespace fleetsync::ntp {
namespace {

// Whom selection hears: who is near enough to its reference, orphans and fallbacks only while
// nobody else is, servers that smear leap seconds never beside those that do not.
std::vector<size_t> Eligible(std::span<const Association> sources, const Picture& picture,
                             const EngineConfig& config) {
  std::vector<size_t> eligible;
  for (size_t i = 0; i < sources.size(); ++i) {
    const std::optional<Estimate>& e = picture.estimates[i];
    if (e && e->error_bound < config.max_distance && !sources[i].config().noselect)
      eligible.push_back(i);
  }
  const auto prefer_others_to = [&](auto last_resort) {
    if (!std::all_of(eligible.begin(), eligible.end(), last_resort))
      std::erase_if(eligible, last_resort);
  };
  // Relays that have lost their upstreams would follow each other round in a circle, ever further
  // from the truth. Of those that have nothing but each other the one with the lowest id leads, by
  // what it knows from before; the others follow it.
  const auto is_peer = [&](size_t i) {
    return sources[i].config().peer || sources[i].stratum() >= config.orphan_stratum.value_or(16);
  };
  prefer_others_to(is_peer);
  std::erase_if(eligible, [&](size_t i) {
    return is_peer(i) && config.own_reference_id != 0 &&
           ReferenceIdOf(*sources[i].address()) >= config.own_reference_id;
  });
  prefer_others_to([&](size_t i) { return sources[i].config().fallback; });
  prefer_others_to([&](size_t i) { return sources[i].Smears(); });
  return eligible;
}

}  // namespace

Picture LookAt(std::span<const Association> sources, Now now,
               std::optional<SampleFilter::Rate> rate, std::optional<size_t> selected,
               const EngineConfig& config) {
  Picture picture;
  for (const Association& a : sources) picture.estimates.push_back(a.At(now, rate));
  const std::vector<size_t> index = Eligible(sources, picture, config);
  std::vector<Candidate> candidates;
  std::optional<size_t> current;
  for (const size_t i : index) {
    const Association& a = sources[i];
    if (selected == i) current = candidates.size();
    candidates.push_back({picture.estimates[i]->offset, picture.estimates[i]->error_bound,
                          a.stratum(), a.config().prefer, a.config().trust});
  }
  const Selection selection = Select(candidates, current);
  picture.states.assign(sources.size(), SourceState::kUnreachable);
  for (size_t c = 0; c < candidates.size(); ++c) {
    picture.states[index[c]] =
        selection.truechimer[c] ? SourceState::kCandidate : SourceState::kFalseticker;
    picture.truechimers += selection.truechimer[c] ? 1 : 0;
  }
  if (selection.selected) {
    picture.selected = index[*selection.selected];
    picture.states[*picture.selected] = SourceState::kSelected;
  }
  return picture;
}

}  // namespace fleetsync::ntp
