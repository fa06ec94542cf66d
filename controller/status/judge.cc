#include "controller/status/judge.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace fleetsync::status {
namespace {

constexpr uint8_t kUnsynchronisedStratum = 16;
constexpr uint8_t kUnsynchronisedLeap = 3;
// A clock that nobody steers leaves the moment of its measurement by up to this.
constexpr double kDriftOfUnsteeredClock = 50e-6;

// What two hosts mean the same source by; empty: a clock of the host's own.
std::string KeyOf(const db::Source& source) {
  const std::string& key = source.address.empty() ? source.name : source.address;
  const bool own =
      key.starts_with("127.") || key == "::1" || key.find_first_of(".:") == std::string::npos;
  return own ? std::string() : key;
}

const db::Source* Followed(const HostInput& host) {
  for (const db::Source& source : host.sources)
    if (source.state == kSourceSelected) return &source;
  return nullptr;
}

// The reading's source, where it is among the falsetickers: some daemons keep following one.
bool CallsItsSourceFalse(const HostInput& host) {
  return std::any_of(host.sources.begin(), host.sources.end(), [&host](const db::Source& source) {
    return source.state == kSourceFalseticker && !host.reading->source.empty() &&
           source.name == host.reading->source;
  });
}

bool Follows(const Reading& reading) {
  const bool has_stratum = reading.stratum > 0 && reading.stratum < kUnsynchronisedStratum;
  return (has_stratum || !reading.stratum_known) && reading.leap != kUnsynchronisedLeap;
}

// Synchronised by its own word, but of the last eight polls of its source none was answered.
bool IsFreeRunning(const Reading& reading) {
  return reading.holdover || (Follows(reading) && reading.reach == uint8_t{0});
}

bool Contradicts(const HostInput& host) {
  const Reading& reading = *host.reading;
  if (host.contradicted) return true;
  if (!reading.measured || !reading.measured_bound) return false;
  const Duration apart = reading.measured_at ? Abs(reading.at - *reading.measured_at) : Duration{};
  const Duration drift = FromSeconds(ToSeconds(apart) * kDriftOfUnsteeredClock);
  return Abs(*reading.measured - reading.offset) >
         *reading.measured_bound + reading.error_bound + drift;
}

template <class Pred>
bool HappenedWithin(const HostInput& host, SystemTime now, Duration span, Pred&& pred) {
  return std::any_of(host.events.begin(), host.events.end(), [&](const Event& event) {
    return pred(event.kind) && Abs(now - event.at) <= span;
  });
}

// The agent's own start says nothing of a clock that another daemon keeps.
bool IsSettling(const HostInput& host, SystemTime now, Duration span) {
  const bool own = host.reading->daemon == "agent";
  return HappenedWithin(host, now, span, [own](EventKind kind) {
    return IsStep(kind) || kind == EventKind::kResumed || (own && kind == EventKind::kStarted);
  });
}

// |offset| became smaller from span to span, the last three of them and now.
bool IsShrinking(const HostInput& host) {
  constexpr size_t kSpans = 3;
  constexpr double kAtLeast = 0.98;
  Duration later = Abs(host.reading->offset);
  size_t seen = 0;
  for (auto point = host.recent.rbegin(); point != host.recent.rend() && seen < kSpans; ++point) {
    if (point->synchronised == 0) return false;
    const Duration earlier = Abs(point->offset_mean);
    if (later > FromSeconds(ToSeconds(earlier) * kAtLeast)) return false;
    later = earlier;
    ++seen;
  }
  return seen == kSpans;
}

// Right as far as is known, with a bound that a daemon has in its first minutes. One that is wider
// still says nothing: an unknown offset is not a small one.
bool IsUnproven(const HostInput& host) {
  constexpr int kWidest = 10;
  const Reading& reading = *host.reading;
  return Abs(reading.offset) <= host.tolerance && reading.error_bound <= kWidest * host.tolerance;
}

State StateOf(const HostView& host, bool stale, bool settling) {
  const HostInput& input = host.input;
  if (!input.failure.empty()) return State::kUnreachable;
  if (!input.reading) return State::kSilent;
  if (stale) return State::kStale;
  const Reading& reading = *input.reading;
  const bool free_running = IsFreeRunning(reading);
  if (!free_running && !Follows(reading)) return State::kUnsynchronised;
  const bool near = WorstCase(reading) <= input.tolerance;
  // Not proven to be within its tolerance, but on its way there.
  const bool nearing = !free_running && (IsShrinking(input) || IsUnproven(input));
  if (!near && !nearing) return State::kOff;
  if (host.marks.contradicted) return State::kContradicted;
  if (host.marks.falseticker) return State::kFalseticker;
  if (free_running) return State::kFreeRunning;
  return !near || settling ? State::kConverging : State::kSynced;
}

}  // namespace

void SourceVotes::Add(const HostInput& host) {
  for (const db::Source& source : host.sources) {
    const std::string key = KeyOf(source);
    if (key.empty() || source.state == 0 || source.state == kSourceUnreachable) continue;
    Votes& votes = votes_[key];
    ++(source.state == kSourceFalseticker ? votes.bad : votes.good);
  }
}

bool SourceVotes::FollowsFalseticker(const HostInput& host) const {
  if (CallsItsSourceFalse(host)) return true;
  const db::Source* followed = Followed(host);
  if (followed == nullptr) return false;
  const auto it = votes_.find(KeyOf(*followed));
  if (it == votes_.end()) return false;
  const int good_of_others = it->second.good - 1;  // its own is among them
  return it->second.bad > 0 && it->second.bad > good_of_others;
}

Duration WorstCase(const Reading& reading) { return Abs(reading.offset) + reading.error_bound; }

bool IsStale(const HostInput& host, SystemTime now, Duration stale) {
  return host.reading && Abs(now - host.reading->at) > stale;
}

HostView Judge(const HostInput& host, const SourceVotes& votes, SystemTime now,
               const ViewOptions& options) {
  HostView view{.input = host, .marks = {}};
  bool settling = false;
  const bool stale = IsStale(host, now, options.stale);
  if (host.reading) {
    view.age = now - host.reading->at;
    view.marks.stepped = HappenedWithin(host, now, options.stepped, IsStep);
    settling = IsSettling(host, now, options.settling);
  }
  if (host.reading && !stale) {
    view.marks.contradicted = Contradicts(host);
    view.marks.falseticker = votes.FollowsFalseticker(host);
    view.marks.free_running = IsFreeRunning(*host.reading);
  }
  view.state = StateOf(view, stale, settling);
  view.within_tolerance =
      view.state == State::kSynced || view.state == State::kFreeRunning ||
      (view.state == State::kConverging && WorstCase(*host.reading) <= host.tolerance);
  return view;
}

}  // namespace fleetsync::status
