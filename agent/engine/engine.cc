#include "agent/engine/engine.h"

#include <algorithm>
#include <utility>

namespace fleetsync::ntp {
namespace {

// A difference this large between the two clocks since the last event is a step or a sleep; the
// raw clock stands still in suspend, so what was measured before cannot be carried across.
constexpr Duration kClockJump = std::chrono::seconds(1);
constexpr int64_t kSlewDivisor = 10;  // no daemon slews faster than 100,000 ppm

// RFC 5905 7.2 MAXDIST is 1.5 s; chronyd's maxdistance is 3 s.
constexpr Duration kMaxDistance = std::chrono::seconds(3);

uint32_t ReferenceIdOf(const Address& address) {
  uint32_t id = 0;
  for (size_t i = 12; i < 16; ++i) id = id << 8 | address.ip[i];
  return id;
}

}  // namespace

Engine::Engine(EngineConfig config, uint64_t seed)
    : random_(seed), known_falseticker_(config.sources.size(), false) {
  associations_.reserve(config.sources.size());
  for (SourceConfig& source : config.sources) {
    const auto id = static_cast<SourceId>(associations_.size());
    associations_.emplace_back(id, std::move(source), config.precision);
  }
}

Association* Engine::Find(SourceId source) {
  const auto index = static_cast<size_t>(source);
  return index < associations_.size() ? &associations_[index] : nullptr;
}

Actions Engine::Start(Now now) {
  Actions actions;
  last_ = now;
  for (Association& a : associations_) a.Start(now, random_, actions);
  return actions;
}

void Engine::NoticeClockJump(Now now, Actions& actions) {
  const Now before = std::exchange(last_, now).value_or(now);
  const Duration elapsed = now.mono - before.mono;
  const Duration moved = (now.system - before.system) - elapsed;
  if (Abs(moved) < kClockJump + elapsed / kSlewDivisor) return;
  actions.push_back(Note{Note::Kind::kClockJumped, {}, -moved, {}});
  for (Association& a : associations_) a.Restart(now);
}

Actions Engine::OnTimer(Now now) {
  Actions actions;
  NoticeClockJump(now, actions);
  for (Association& a : associations_) a.OnTimer(now, random_, actions);
  Reselect(now, actions);
  return actions;
}

Actions Engine::OnSent(Now now, SourceId source, uint64_t token, Stamp sent) {
  Actions actions;
  if (Association* a = Find(source)) a->OnSent(now, token, sent.time);
  return actions;
}

Actions Engine::OnPacket(Now now, SourceId source, std::span<const std::byte> wire,
                         Stamp received) {
  Actions actions;
  NoticeClockJump(now, actions);
  if (Association* a = Find(source)) a->OnPacket(now, random_, wire, received.time, actions);
  Reselect(now, actions);
  return actions;
}

Actions Engine::OnResolved(Now now, SourceId source, std::span<const Address> addresses) {
  Actions actions;
  Association* const self = Find(source);
  if (self == nullptr) return actions;
  // Two names for one server must not have two votes.
  const auto is_free = [&](const Address& address) {
    return std::none_of(associations_.begin(), associations_.end(),
                        [&](const Association& a) { return &a != self && a.address() == address; });
  };
  // Another address than the one that stopped answering, if there is one.
  std::optional<Address> choice;
  for (const Address& address : addresses) {
    if (!is_free(address)) continue;
    if (!choice || choice == self->address()) choice = address;
  }
  self->OnResolved(now, choice);
  return actions;
}

MonoTime Engine::NextTimer() const {
  MonoTime next = MonoTime::max();
  for (const Association& a : associations_) next = std::min(next, a.next_timer());
  return next;
}

Engine::Picture Engine::Look(Now now) const {
  Picture picture;
  std::vector<Candidate> candidates;
  std::vector<size_t> index;  // of the candidate's source
  std::optional<size_t> current;
  for (size_t i = 0; i < associations_.size(); ++i) {
    picture.estimates.push_back(associations_[i].At(now));
    const std::optional<Estimate>& e = picture.estimates.back();
    if (!e || e->error_bound >= kMaxDistance) continue;
    if (selected_ == i) current = candidates.size();
    candidates.push_back({e->offset, e->error_bound, associations_[i].stratum()});
    index.push_back(i);
  }
  const Selection selection = Select(candidates, current);
  picture.states.assign(associations_.size(), SourceState::kUnreachable);
  for (size_t c = 0; c < candidates.size(); ++c) {
    picture.states[index[c]] =
        selection.truechimer[c] ? SourceState::kCandidate : SourceState::kFalseticker;
  }
  if (selection.selected) {
    picture.selected = index[*selection.selected];
    picture.states[*picture.selected] = SourceState::kSelected;
  }
  return picture;
}

void Engine::Reselect(Now now, Actions& actions) {
  const Picture picture = Look(now);
  for (size_t i = 0; i < associations_.size(); ++i) {
    // Without a majority nobody knows who is wrong.
    const bool falseticker = picture.selected && picture.states[i] == SourceState::kFalseticker;
    if (falseticker && !known_falseticker_[i]) {
      actions.push_back(Note{
          Note::Kind::kFalseticker, static_cast<SourceId>(i), picture.estimates[i]->offset, {}});
    }
    known_falseticker_[i] = falseticker;
  }
  if (picture.selected == selected_) return;
  if (picture.selected) {
    actions.push_back(Note{Note::Kind::kSelected,
                           static_cast<SourceId>(*picture.selected),
                           picture.estimates[*picture.selected]->offset,
                           {}});
  } else {
    actions.push_back(Note{Note::Kind::kLost, static_cast<SourceId>(*selected_), {}, {}});
  }
  selected_ = picture.selected;
}

Snapshot Engine::TakeSnapshot(Now now) const {
  const Picture picture = Look(now);
  Snapshot snapshot;
  snapshot.at = now;
  for (size_t i = 0; i < associations_.size(); ++i) {
    snapshot.sources.push_back(associations_[i].TakeSnapshot(now));
    snapshot.sources.back().state = picture.states[i];
  }
  if (!picture.selected) return snapshot;
  const Association& source = associations_[*picture.selected];
  const Estimate& e = *picture.estimates[*picture.selected];
  snapshot.synchronised = true;
  snapshot.offset = e.offset;
  snapshot.error_bound = e.error_bound;
  snapshot.stratum = static_cast<uint8_t>(std::min(source.stratum() + 1, 16));
  snapshot.leap = source.leap();
  snapshot.reference_id = ReferenceIdOf(*source.address());
  snapshot.root_delay = e.root_delay + e.delay;
  snapshot.root_dispersion = e.dispersion;
  snapshot.jitter = e.jitter;
  return snapshot;
}

}  // namespace fleetsync::ntp
