#include "controller/status/fleet_view.h"

#include <algorithm>
#include <utility>

#include "controller/cli/exit_code.h"

namespace fleetsync::status {
namespace {

constexpr uint8_t kUnsynchronisedStratum = 16;
constexpr uint8_t kUnsynchronisedLeap = 3;

// How far the clock may be off: what is compared with the tolerance.
Duration WorstCase(const Reading& reading) { return Abs(reading.offset) + reading.error_bound; }

bool Follows(const Reading& reading) {
  const bool has_stratum = reading.stratum > 0 && reading.stratum < kUnsynchronisedStratum;
  return (has_stratum || !reading.stratum_known) && reading.leap != kUnsynchronisedLeap;
}

State StateOf(const HostInput& host, Duration age, Duration stale) {
  if (!host.failure.empty()) return State::kUnreachable;
  if (!host.reading) return State::kSilent;
  if (Abs(age) > stale) return State::kStale;
  if (!Follows(*host.reading)) return State::kUnsynchronised;
  return WorstCase(*host.reading) <= host.tolerance ? State::kSynced : State::kOff;
}

HostView ViewOf(const HostInput& host, SystemTime now, Duration stale) {
  const Duration age = host.reading ? now - host.reading->at : Duration::zero();
  return {.input = host, .state = StateOf(host, age, stale), .age = age};
}

// Nearest rank, as ntpviz and most monitors do: a value that was really there.
Percentiles PercentilesOf(std::vector<Duration> values) {
  std::sort(values.begin(), values.end());
  const auto rank = [&](size_t percent) {
    return values[(values.size() * percent + 99) / 100 - 1];
  };
  return {.p50 = rank(50), .p95 = rank(95), .max = values.back()};
}

// Each synced host's clock is within [offset - bound, offset + bound] of true time; the two that
// are furthest apart are at most the width of the union of these intervals apart.
std::optional<Duration> AgreementOf(std::span<const HostView> hosts) {
  std::optional<Duration> low, high;
  size_t count = 0;
  for (const HostView& host : hosts) {
    if (host.state != State::kSynced) continue;
    const Reading& reading = *host.input.reading;
    const Duration from = reading.offset - reading.error_bound;
    const Duration to = reading.offset + reading.error_bound;
    low = low ? std::min(*low, from) : from;
    high = high ? std::max(*high, to) : to;
    ++count;
  }
  if (count < 2) return std::nullopt;
  return *high - *low;
}

size_t& CountOf(Summary& summary, State state) {
  switch (state) {
    case State::kOff:
      return summary.off;
    case State::kUnsynchronised:
      return summary.unsynchronised;
    case State::kStale:
      return summary.stale;
    case State::kUnreachable:
      return summary.unreachable;
    case State::kSilent:
      return summary.silent;
    case State::kSynced:
      break;
  }
  return summary.synced;
}

Summary SummaryOf(std::span<const HostView> hosts) {
  Summary summary;
  summary.expected = hosts.size();
  std::vector<Duration> offsets, bounds;
  for (const HostView& host : hosts) {
    ++CountOf(summary, host.state);
    if (host.state != State::kSynced && host.state != State::kOff) continue;
    offsets.push_back(Abs(host.input.reading->offset));
    bounds.push_back(host.input.reading->error_bound);
  }
  summary.reporting = summary.synced + summary.off + summary.unsynchronised;
  if (!offsets.empty()) {
    summary.offset = PercentilesOf(std::move(offsets));
    summary.error_bound = PercentilesOf(std::move(bounds));
  }
  const bool one_tolerance = std::all_of(hosts.begin(), hosts.end(), [&](const HostView& host) {
    return host.input.tolerance == hosts.front().input.tolerance;
  });
  if (!hosts.empty() && one_tolerance) summary.tolerance = hosts.front().input.tolerance;
  summary.agreement = AgreementOf(hosts);
  return summary;
}

Duration WorstCaseOrZero(const HostView& host) {
  return host.input.reading ? WorstCase(*host.input.reading) : Duration::zero();
}

void SortHosts(std::vector<HostView>& hosts, Sort sort) {
  std::stable_sort(hosts.begin(), hosts.end(), [sort](const HostView& a, const HostView& b) {
    const bool name_before = a.input.host < b.input.host;
    if (sort == Sort::kName) return name_before;
    if (sort == Sort::kWorst && a.state != b.state) return a.state < b.state;
    const Duration worst_a = WorstCaseOrZero(a), worst_b = WorstCaseOrZero(b);
    return worst_a != worst_b ? worst_a > worst_b : name_before;
  });
}

}  // namespace

std::string_view ToString(State state) {
  switch (state) {
    case State::kOff:
      return "off";
    case State::kUnsynchronised:
      return "unsynchronised";
    case State::kStale:
      return "stale";
    case State::kUnreachable:
      return "unreachable";
    case State::kSilent:
      return "silent";
    case State::kSynced:
      break;
  }
  return "synced";
}

FleetView BuildFleetView(std::span<const HostInput> hosts, SystemTime now,
                         const ViewOptions& options) {
  FleetView view{.now = now, .summary = {}, .hosts = {}};
  for (const HostInput& host : hosts) view.hosts.push_back(ViewOf(host, now, options.stale));
  view.summary = SummaryOf(view.hosts);
  SortHosts(view.hosts, options.sort);
  return view;
}

int ExitCodeOf(const FleetView& view) {
  const Summary& summary = view.summary;
  if (summary.off + summary.unsynchronised > 0) return cli::kOutOfTolerance;
  return summary.synced == summary.expected ? cli::kAllWell : cli::kHostFailed;
}

}  // namespace fleetsync::status
