#include "agent/engine/engine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fleetsync::ntp {
namespace {

// A difference this large between the two clocks since the last event is a step or a sleep; the
// raw clock stands still in suspend, so what was measured before cannot be carried across.
constexpr Duration kClockJump = std::chrono::seconds(1);
constexpr int64_t kSlewDivisor = 10;          // no daemon slews faster than 100,000 ppm
constexpr int64_t kKernelSlewDivisor = 1000;  // what is left when we do not

// Who has not answered by then is not waited for before the clock is set for the first time.
constexpr Duration kHearAll = std::chrono::seconds(7);
constexpr Duration kLookEvery = std::chrono::seconds(64);  // at the clock, whatever happens
constexpr Duration kSaveDriftEvery = std::chrono::hours(1);

// Of a path's shortest round trip: how uneven its two ways commonly are.
constexpr double kCommonAsymmetry = 0.02;
// Of what a server says it may be wrong by: how wrong it commonly is.
constexpr double kCommonError = 0.05;
constexpr double kBoundSigmas = 2.5;
constexpr double kLeastRateUncertainty = 1e-6;
// A frequency with a smaller standard deviation has been learned; before, it is what oscillators
// usually have, and this one may be another.
constexpr double kLearned = 2e-6;

uint32_t ReferenceIdOf(const Address& address) {
  uint32_t id = 0;
  for (size_t i = 12; i < 16; ++i) id = id << 8 | address.ip[i];
  return id;
}

}  // namespace

bool Allowance::Take(MonoTime now) {
  left_ = std::min(kMost, left_ + ToSeconds(now - std::exchange(at_, now)) * kPerSecond);
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

Engine::Engine(EngineConfig config, uint64_t seed)
    : random_(seed),
      known_falseticker_(config.sources.size(), false),
      estimator_(config.sources.size(), config.drift),
      fed_until_(config.sources.size(), MonoTime::min()),
      discipline_(config) {
  associations_.reserve(config.sources.size());
  for (SourceConfig& source : config.sources) {
    const auto id = static_cast<SourceId>(associations_.size());
    associations_.emplace_back(id, std::move(source), config.precision);
  }
  config_ = std::move(config);
  config_.sources.clear();
}

Association* Engine::Find(SourceId source) {
  const auto index = static_cast<size_t>(source);
  return index < associations_.size() ? &associations_[index] : nullptr;
}

Actions Engine::Start(Now now) {
  Actions actions;
  last_ = now;
  started_ = now.mono;
  for (Association& a : associations_) a.Start(now, random_, actions);
  return actions;
}

void Engine::NoticeClockJump(Now now, Actions& actions) {
  const Now before = std::exchange(last_, now).value_or(now);
  const Duration elapsed = now.mono - before.mono;
  const bool slews = !config_.control_clock || discipline_.slewing();
  const Duration allowed = kClockJump + elapsed / (slews ? kSlewDivisor : kKernelSlewDivisor);
  const Duration moved = (now.system - before.system) - elapsed;
  const Duration ours = discipline_.TakeStep().value_or(Duration::zero());
  if (Abs(moved) < allowed || Abs(moved - ours) < allowed) return;
  actions.push_back(Note{Note::Kind::kClockJumped, {}, -moved, {}});
  for (Association& a : associations_) a.Restart(now);
  estimator_.ForgetOffset();
  discipline_.Restart();
  started_ = now.mono;
}

Actions Engine::OnTimer(Now now) {
  Actions actions;
  NoticeClockJump(now, actions);
  for (Association& a : associations_) a.OnTimer(now, random_, actions);
  if (config_.control_clock && estimator_.KnowsOffset()) {
    const Belief belief = estimator_.At(now.mono);
    discipline_.OnTimer(now, belief, actions);
    // Somebody else may have moved the clock: what is believed of the raw clock still holds.
    if (now.mono >= looked_ + kLookEvery) Correct(now, false, actions);
  }
  if (now.mono >= looked_ + kLookEvery) looked_ = now.mono;
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
  if (choice && choice != self->address()) estimator_.Forget(static_cast<size_t>(source));
  self->OnResolved(now, choice);
  return actions;
}

MonoTime Engine::NextTimer() const {
  MonoTime next = discipline_.NextTimer();
  for (const Association& a : associations_) next = std::min(next, a.next_timer());
  if (estimator_.KnowsOffset()) next = std::min(next, looked_ + kLookEvery);
  return next;
}

std::optional<SampleFilter::Rate> Engine::KnownRate(Now now) const {
  if (!estimator_.KnowsOffset()) return std::nullopt;
  const Belief belief = estimator_.At(now.mono);
  if (belief.frequency_sigma > kLearned) return std::nullopt;
  return SampleFilter::Rate{belief.frequency,
                            kBoundSigmas * belief.frequency_sigma + kLeastRateUncertainty};
}

// Whom selection hears: who is near enough to its reference, orphans and fallbacks only while
// nobody else is, servers that smear leap seconds never beside those that do not.
std::vector<size_t> Engine::Eligible(const Picture& picture) const {
  std::vector<size_t> eligible;
  for (size_t i = 0; i < associations_.size(); ++i) {
    const std::optional<Estimate>& e = picture.estimates[i];
    if (e && e->error_bound < config_.max_distance && !associations_[i].config().noselect)
      eligible.push_back(i);
  }
  const auto prefer_others_to = [&](auto last_resort) {
    if (!std::all_of(eligible.begin(), eligible.end(), last_resort))
      std::erase_if(eligible, last_resort);
  };
  const auto is_orphan = [&](size_t i) {
    return config_.orphan_stratum && associations_[i].stratum() >= *config_.orphan_stratum;
  };
  // Of relays that have nothing but each other, the one with the lowest id leads.
  prefer_others_to(is_orphan);
  std::erase_if(eligible, [&](size_t i) {
    return is_orphan(i) && ReferenceIdOf(*associations_[i].address()) >= config_.own_reference_id;
  });
  prefer_others_to([&](size_t i) { return associations_[i].config().fallback; });
  prefer_others_to([&](size_t i) { return associations_[i].Smears(); });
  return eligible;
}

Engine::Picture Engine::Look(Now now) const {
  Picture picture;
  const auto rate = KnownRate(now);
  for (const Association& a : associations_) picture.estimates.push_back(a.At(now, rate));
  const std::vector<size_t> index = Eligible(picture);
  std::vector<Candidate> candidates;
  std::optional<size_t> current;
  for (const size_t i : index) {
    const Association& a = associations_[i];
    if (selected_ == i) current = candidates.size();
    candidates.push_back({picture.estimates[i]->offset, picture.estimates[i]->error_bound,
                          a.stratum(), a.config().prefer, a.config().trust});
  }
  const Selection selection = Select(candidates, current);
  picture.states.assign(associations_.size(), SourceState::kUnreachable);
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

void Engine::TellChanges(const Picture& picture, Actions& actions) {
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
    actions.push_back(Note{Note::Kind::kLost,
                           static_cast<SourceId>(*selected_),
                           {},
                           associations_[*selected_].trouble()});
  }
  selected_ = picture.selected;
}

void Engine::Reselect(Now now, Actions& actions) {
  const Picture picture = Look(now);
  TellChanges(picture, actions);
  WatchLeap(now, picture, actions);
  Follow(now, picture, actions);
  if (config_.control_clock) TellKernel(now, actions);
}

bool Engine::Ready(Now now) const {
  return estimator_.KnowsOffset() || now.mono - started_ >= kHearAll ||
         std::all_of(associations_.begin(), associations_.end(),
                     [](const Association& a) { return a.Heard(); });
}

Estimator::Taken Engine::Feed(size_t source, const Sample& sample) {
  const Association& a = associations_[source];
  const double delay = ToSeconds(sample.delay);
  fed_until_[source] = sample.at.mono;
  return estimator_.Add(
      source,
      {.at = sample.at.mono - sample.delay / 2,
       .ahead = sample.offset + SystemAhead(sample.at),
       .variance = a.delays().Variance(delay),
       .bias_sigma = kCommonAsymmetry * (a.delays().base() + ToSeconds(sample.root_delay)) / 2 +
                     kCommonError * ToSeconds(sample.root_dispersion)});
}

// Somebody has jumped, or a packet was held up both ways alike: more answers tell.
void Engine::OnOutlier(Now now, Estimator::Taken taken) {
  const bool ask = doubts_.Take(now.mono);
  for (Association& a : associations_) {
    if (ask) a.Doubt(now);
    if (taken == Estimator::Taken::kNewStart) a.ForgetOlderSamples();
  }
}

void Engine::Follow(Now now, const Picture& picture, Actions& actions) {
  if (!Ready(now) || leap_.IsAmbiguous(now.system)) return;
  struct Fresh {
    size_t source;
    Sample sample;
  };
  std::vector<Fresh> fresh;
  for (size_t i = 0; i < associations_.size(); ++i) {
    const SourceState state = picture.states[i];
    if (picture.selected && state == SourceState::kFalseticker) estimator_.Forget(i);
    if (!picture.selected ||
        (state != SourceState::kSelected && state != SourceState::kCandidate)) {
      continue;
    }
    for (const Sample& sample : associations_[i].samples())
      if (sample.at.mono > fed_until_[i]) fresh.push_back({i, sample});
  }
  if (fresh.empty() || picture.truechimers < config_.min_sources) return;
  std::sort(fresh.begin(), fresh.end(),
            [](const Fresh& a, const Fresh& b) { return a.sample.at.mono < b.sample.at.mono; });
  bool jumped = false;
  for (const Fresh& f : fresh) {
    const Estimator::Taken taken = Feed(f.source, f.sample);
    if (taken != Estimator::Taken::kUsed) OnOutlier(now, taken);
    jumped |= taken == Estimator::Taken::kNewStart;
    if (taken == Estimator::Taken::kUsed) associations_[f.source].Pace(estimator_.At(now.mono));
  }
  PaceTheOthers(picture);
  // Where several agree that it was this clock there is nothing to wait for.
  if (config_.control_clock) Correct(now, jumped && picture.truechimers < 3, actions);
}

// A source that is not followed is asked no more often than those that are.
void Engine::PaceTheOthers(const Picture& picture) {
  if (!picture.selected) return;
  const int8_t poll = associations_[*picture.selected].poll();
  for (size_t i = 0; i < associations_.size(); ++i)
    if (!estimator_.Uses(i) && picture.estimates[i]) associations_[i].PaceAs(poll);
}

void Engine::Correct(Now now, bool jumped, Actions& actions) {
  discipline_.Correct(now, estimator_.At(now.mono), jumped, actions);
  kernel_is_stale_ = true;
  if (now.mono < drift_saved_ + kSaveDriftEvery && drift_saved_ != MonoTime::min()) return;
  const std::optional<Drift> drift = LearnedDrift(now);
  if (!drift) return;
  drift_saved_ = now.mono;
  actions.push_back(SaveDrift{*drift});
}

std::optional<Drift> Engine::LearnedDrift(Now now) const {
  constexpr double kWorthKeeping = 1e-6;
  if (!estimator_.KnowsOffset()) return std::nullopt;
  const Belief belief = estimator_.At(now.mono);
  if (belief.frequency_sigma > kWorthKeeping) return std::nullopt;
  return Drift{{belief.frequency * 1e6}, {belief.frequency_sigma * 1e6}};
}

void Engine::WatchLeap(Now now, const Picture& picture, Actions& actions) {
  if (!estimator_.KnowsOffset()) return;
  const SystemTime truth = now.system + (estimator_.At(now.mono).ahead - SystemAhead(now));
  const Duration shift = leap_.Cross(truth);
  if (shift != Duration::zero()) {
    estimator_.Shift(shift);
    for (Association& a : associations_) a.ForgetSamples();
    kernel_is_stale_ = true;
    last_->system += shift;  // the kernel's own step is no jump
  }
  std::vector<Leap> votes;
  for (size_t i = 0; i < associations_.size(); ++i)
    if (picture.states[i] == SourceState::kSelected || picture.states[i] == SourceState::kCandidate)
      votes.push_back(associations_[i].leap());
  if (votes.empty() || !leap_.OnVotes(truth, votes)) return;
  kernel_is_stale_ = true;
  const char* const text = leap_.announced() == Leap::kInsert
                               ? "a leap second will be inserted at the end of this UTC day"
                           : leap_.announced() == Leap::kDelete
                               ? "a second will be left out at the end of this UTC day"
                               : "no leap second is announced any more";
  actions.push_back(Note{Note::Kind::kLeap, {}, {}, text});
}

void Engine::TellKernel(Now now, Actions& actions) {
  if (!estimator_.KnowsOffset() || !discipline_.tracking()) return;
  if (!std::exchange(kernel_is_stale_, false)) return;
  const Belief belief = estimator_.At(now.mono);
  const Duration bound = BoundAt(now);
  actions.push_back(KernelSync{.synchronised = bound < config_.max_distance,
                               .leap = leap_.announced(),
                               .max_error = bound + Abs(belief.ahead - SystemAhead(now)),
                               .est_error = FromSeconds(belief.sigma)});
}

// The true time is on the way of each source that is followed, wherever the shortest round trip
// lets it be, and we know each source's word up to its noise.
Duration Engine::BoundAt(Now now) const {
  const Belief belief = estimator_.At(now.mono);
  const Duration offset = belief.ahead - SystemAhead(now);
  double best = std::numeric_limits<double>::infinity();
  Duration worst_case = Duration::max();
  for (size_t i = 0; i < associations_.size(); ++i) {
    if (!estimator_.Uses(i) || associations_[i].delays().empty()) continue;
    const Estimator::Track track = estimator_.TrackOf(i, now.mono);
    const double path = associations_[i].delays().smallest() / 2;
    best = std::min(best, std::abs(track.bias) + path + kBoundSigmas * track.sigma +
                              ToSeconds(associations_[i].root_distance()));
    if (const auto e = associations_[i].At(now, std::nullopt))
      worst_case = std::min(worst_case, Abs(e->offset - offset) + e->error_bound);
  }
  const Duration bound = FromSeconds(std::min(best + estimator_.Doubt(), 1e6));
  const bool learned = belief.frequency_sigma < kLearned || worst_case == Duration::max();
  return learned ? bound : std::max(bound, worst_case);
}

Snapshot Engine::TakeSnapshot(Now now) const {
  const Picture picture = Look(now);
  const auto rate = KnownRate(now);
  Snapshot snapshot;
  snapshot.at = now;
  snapshot.panicking = discipline_.panicking();
  for (size_t i = 0; i < associations_.size(); ++i) {
    snapshot.sources.push_back(associations_[i].TakeSnapshot(now, rate));
    snapshot.sources.back().state = picture.states[i];
  }
  snapshot.synchronised = picture.selected.has_value();
  if (picture.selected) {
    const Association& source = associations_[*picture.selected];
    const Estimate& e = *picture.estimates[*picture.selected];
    snapshot.offset = e.offset;
    snapshot.error_bound = e.error_bound;
    snapshot.stratum = static_cast<uint8_t>(std::min(source.stratum() + 1, 16));
    snapshot.leap = source.leap();
    snapshot.reference_id = ReferenceIdOf(*source.address());
    snapshot.root_delay = e.root_delay + e.delay;
    snapshot.root_dispersion = e.dispersion;
    snapshot.jitter = e.jitter;
  }
  Believe(now, snapshot);
  return snapshot;
}

// What all samples together tell is better than what the selected source says.
void Engine::Believe(Now now, Snapshot& snapshot) const {
  if (!estimator_.KnowsOffset()) return;
  const Duration bound = BoundAt(now);
  snapshot.holdover = !snapshot.synchronised && bound < config_.max_distance;
  if (!snapshot.synchronised && !snapshot.holdover) return;
  const Belief belief = estimator_.At(now.mono);
  snapshot.offset = belief.ahead - SystemAhead(now);
  snapshot.error_bound = bound;
  snapshot.sigma = FromSeconds(belief.sigma);
  snapshot.frequency = {belief.frequency * 1e6};
  snapshot.skew = {belief.frequency_sigma * 1e6};
  snapshot.wander = {belief.wander * 1e6};
}

}  // namespace fleetsync::ntp
