#include "agent/engine/engine.h"

#include <algorithm>
#include <utility>

#include "base/time_text.h"
#include "fmt/format.h"

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

}  // namespace

bool Allowance::Take(MonoTime now) {
  left_ = std::min(kMost, left_ + ToSeconds(now - std::exchange(at_, now)) * kPerSecond);
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

Engine::Engine(EngineConfig config, uint64_t seed, std::shared_ptr<Authenticator> keys)
    : authenticator_(std::move(keys)),
      random_(seed),
      known_falseticker_(config.sources.size(), false),
      ensemble_(config.sources.size(), config.drift),
      discipline_(config) {
  associations_.reserve(config.sources.size());
  for (SourceConfig& source : config.sources) {
    const auto id = static_cast<SourceId>(associations_.size());
    associations_.emplace_back(
        id, std::move(source),
        Association::Host{config.precision, config.own_reference_id, authenticator_.get()});
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
  // A program that was killed in a quick slew has left its rate: what was learned is known better.
  if (config_.control_clock && config_.drift)
    actions.push_back(Adjust{config_.drift->frequency, {}});
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
  ensemble_.ForgetOffset();
  discipline_.Restart();
  started_ = now.mono;
}

Actions Engine::OnTimer(Now now) {
  Actions actions;
  NoticeClockJump(now, actions);
  CrossLeap(now);
  for (Association& a : associations_) a.OnTimer(now, random_, actions);
  if (config_.control_clock && ensemble_.known()) {
    const Belief belief = ensemble_.At(now.mono);
    discipline_.OnTimer(now, belief, actions);
    // Somebody else may have moved the clock: what is believed of the raw clock still holds.
    if (now.mono >= looked_ + kLookEvery) Correct(now, false, actions);
  }
  if (now.mono >= looked_ + kLookEvery) looked_ = now.mono;
  Reselect(now, actions);
  return actions;
}

Status Engine::SyncNow(Now now, const SyncLimits& limits, Actions& actions) {
  NoticeClockJump(now, actions);
  CrossLeap(now);
  if (!config_.control_clock)
    return absl::FailedPreconditionError(
        "this agent measures only, another program keeps the clock");
  const Snapshot snapshot = TakeSnapshot(now);
  // A source may be selected before anything is believed of the clock.
  if (!ensemble_.known() || (!snapshot.synchronised && !snapshot.holdover))
    return absl::FailedPreconditionError("no source can be believed now");
  const Belief belief = ensemble_.At(now.mono);
  const Duration offset = belief.ahead - SystemAhead(now);
  if (Abs(offset) > limits.largest)
    return absl::OutOfRangeError(
        fmt::format("the clock is off by {}, more than may be set at once", FormatSigned(offset)));
  if (-offset > config_.step_threshold && !limits.allow_backward)
    return absl::OutOfRangeError(
        fmt::format("the clock would go back by {}", FormatDuration(-offset)));
  discipline_.SetNow(now, belief, limits.allow_backward, actions);
  kernel_is_stale_ = true;
  TellKernel(now, actions);
  return absl::OkStatus();
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
  CrossLeap(now);
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
  if (choice && choice != self->address()) ensemble_.Forget(static_cast<size_t>(source));
  self->OnResolved(now, choice);
  return actions;
}

MonoTime Engine::NextTimer() const {
  MonoTime next = discipline_.NextTimer();
  for (const Association& a : associations_) next = std::min(next, a.next_timer());
  if (ensemble_.known()) next = std::min(next, looked_ + kLookEvery);
  return next;
}

std::optional<SampleFilter::Rate> Engine::KnownRate(Now now) const {
  return ensemble_.known() ? ensemble_.KnownRate(now) : std::nullopt;
}

Picture Engine::Look(Now now) const {
  return LookAt(associations_, now, KnownRate(now), selected_, config_);
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
  // Answers of different ages are compared by the clock's rate as it is known: if that has changed,
  // all seem to lie. Fresh ones tell.
  if (selected_ && !picture.selected && picture.AnyAnswers()) OnOutlier(now, false);
  TellChanges(picture, actions);
  WatchLeap(now, picture, actions);
  Follow(now, picture, actions);
  if (config_.control_clock) TellKernel(now, actions);
}

bool Engine::Ready(Now now) const {
  return ensemble_.known() || now.mono - started_ >= kHearAll ||
         std::all_of(associations_.begin(), associations_.end(),
                     [](const Association& a) { return a.Heard(); });
}

// Somebody has jumped, or a packet was held up both ways alike: more answers tell.
void Engine::OnOutlier(Now now, bool jumped) {
  const bool ask = doubts_.Take(now.mono);
  for (Association& a : associations_) {
    if (ask) a.Doubt(now);
    if (jumped) a.ForgetOlderSamples();
  }
}

void Engine::Follow(Now now, const Picture& picture, Actions& actions) {
  if (!Ready(now) || leap_.IsAmbiguous(now.system)) return;
  if (picture.truechimers < config_.min_sources) return;
  const Ensemble::Fed fed = ensemble_.Feed(now, associations_, picture);
  if (!fed.any) return;
  if (fed.outliers) OnOutlier(now, fed.jumped);
  PaceTheOthers(picture);
  // Where several agree that it was this clock there is nothing to wait for.
  if (config_.control_clock) Correct(now, fed.jumped && picture.truechimers < 3, actions);
}

// A source that is not followed is asked no more often than those that are.
void Engine::PaceTheOthers(const Picture& picture) {
  if (!picture.selected) return;
  const int8_t poll = associations_[*picture.selected].poll();
  for (size_t i = 0; i < associations_.size(); ++i)
    if (!ensemble_.Uses(i) && picture.estimates[i]) associations_[i].PaceAs(poll);
}

void Engine::Correct(Now now, bool jumped, Actions& actions) {
  discipline_.Correct(now, ensemble_.At(now.mono), jumped, actions);
  kernel_is_stale_ = true;
  if (now.mono < drift_saved_ + kSaveDriftEvery && drift_saved_ != MonoTime::min()) return;
  const std::optional<Drift> drift = ensemble_.LearnedDrift(now);
  if (!drift) return;
  drift_saved_ = now.mono;
  actions.push_back(SaveDrift{*drift});
}

SystemTime Engine::Truth(Now now) const {
  return now.system + (ensemble_.At(now.mono).ahead - SystemAhead(now));
}

// Before anything else that an event brings: the kernel has moved the clock already, and what is
// believed of it would be a second off.
void Engine::CrossLeap(Now now) {
  if (!ensemble_.known()) return;
  const Duration shift = leap_.Cross(Truth(now));
  if (shift == Duration::zero()) return;
  ensemble_.Shift(shift);
  for (Association& a : associations_) a.ForgetSamples();
  kernel_is_stale_ = true;
  last_->system += shift;  // the kernel's own step is no jump
}

void Engine::WatchLeap(Now now, const Picture& picture, Actions& actions) {
  if (!ensemble_.known()) return;
  std::vector<Leap> votes;
  for (size_t i = 0; i < associations_.size(); ++i)
    if (picture.Follows(i)) votes.push_back(associations_[i].leap());
  if (votes.empty() || !leap_.OnVotes(Truth(now), votes)) return;
  kernel_is_stale_ = true;
  const char* const text = leap_.announced() == Leap::kInsert
                               ? "a leap second will be inserted at the end of this UTC day"
                           : leap_.announced() == Leap::kDelete
                               ? "a second will be left out at the end of this UTC day"
                               : "no leap second is announced any more";
  actions.push_back(Note{Note::Kind::kLeap, {}, {}, text});
}

void Engine::TellKernel(Now now, Actions& actions) {
  if (!ensemble_.known() || !discipline_.tracking()) return;
  if (!std::exchange(kernel_is_stale_, false)) return;
  const Belief belief = ensemble_.At(now.mono);
  const Duration bound = ensemble_.BoundAt(now, associations_);
  actions.push_back(KernelSync{.synchronised = bound < config_.max_distance,
                               .leap = leap_.announced(),
                               .max_error = bound + Abs(belief.ahead - SystemAhead(now)),
                               .est_error = FromSeconds(belief.sigma)});
}

Snapshot Engine::TakeSnapshot(Now now) const {
  const Picture picture = Look(now);
  Snapshot snapshot;
  snapshot.at = now;
  snapshot.panicking = discipline_.panicking();
  for (size_t i = 0; i < associations_.size(); ++i) {
    snapshot.sources.push_back(associations_[i].TakeSnapshot(now, KnownRate(now)));
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
  if (!ensemble_.known()) return;
  const Duration bound = ensemble_.BoundAt(now, associations_);
  snapshot.holdover = !snapshot.synchronised && bound < config_.max_distance;
  if (!snapshot.synchronised && !snapshot.holdover) return;
  const Belief belief = ensemble_.At(now.mono);
  snapshot.offset = belief.ahead - SystemAhead(now);
  snapshot.error_bound = bound;
  snapshot.sigma = FromSeconds(belief.sigma);
  snapshot.frequency = {belief.frequency * 1e6};
  snapshot.skew = {belief.frequency_sigma * 1e6};
  snapshot.wander = {belief.wander * 1e6};
}

}  // namespace fleetsync::ntp
