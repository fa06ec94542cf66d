#include "controller/status/fleet_view.h"

#include <algorithm>
#include <utility>

#include "controller/cli/exit_code.h"
#include "controller/status/judge.h"

namespace fleetsync::status {
namespace {

// Nearest rank, as ntpviz and most monitors do: a value that was really there.
Percentiles PercentilesOf(std::vector<Duration> values) {
  std::sort(values.begin(), values.end());
  const auto rank = [&](size_t percent) {
    return values[(values.size() * percent + 99) / 100 - 1];
  };
  return {.p50 = rank(50), .p95 = rank(95), .p99 = rank(99), .max = values.back()};
}

// Each synced host's clock is within [offset - bound, offset + bound] of true time; the two that
// are furthest apart are at most the width of the union of these intervals apart.
std::optional<Duration> AgreementOf(std::span<const HostView* const> hosts) {
  std::optional<Duration> low, high;
  size_t count = 0;
  for (const HostView* host : hosts) {
    if (host->state != State::kSynced) continue;
    const Reading& reading = *host->input.reading;
    const Duration from = reading.offset - reading.error_bound;
    const Duration to = reading.offset + reading.error_bound;
    low = low ? std::min(*low, from) : from;
    high = high ? std::max(*high, to) : to;
    ++count;
  }
  if (count < 2) return std::nullopt;
  return *high - *low;
}

bool IsReporting(State state) {
  return state != State::kStale && state != State::kUnreachable && state != State::kSilent;
}

struct Offset {
  Duration value{};
  Duration error_bound{};
};

// The one that means something now: by the host's own word, or where its clock follows nothing, by
// what was measured here.
std::optional<Offset> CurrentOffset(const HostView& host) {
  if (!IsReporting(host.state)) return std::nullopt;
  const Reading& reading = *host.input.reading;
  if (host.state != State::kUnsynchronised) return Offset{reading.offset, reading.error_bound};
  if (!reading.measured || !reading.measured_bound) return std::nullopt;
  return Offset{*reading.measured, *reading.measured_bound};
}

bool IsMeasurementDoubtful(std::span<const HostView* const> hosts) {
  size_t measured = 0, contradicted = 0;
  for (const HostView* host : hosts) {
    if (!IsReporting(host->state) || !host->input.reading->measured) continue;
    ++measured;
    if (host->marks.contradicted) ++contradicted;
  }
  return measured >= 3 && contradicted * 2 > measured;
}

Duration WorstCaseOrZero(const HostView& host) {
  return host.input.reading ? WorstCase(*host.input.reading) : Duration::zero();
}

}  // namespace

Summary SummaryOf(std::span<const HostView* const> hosts) {
  Summary summary;
  summary.expected = hosts.size();
  std::vector<Duration> offsets, bounds;
  bool one_tolerance = !hosts.empty();
  for (const HostView* host : hosts) {
    ++summary.counts[static_cast<size_t>(host->state)];
    if (host->within_tolerance) ++summary.within_tolerance;
    if (IsReporting(host->state)) ++summary.reporting;
    if (host->input.tolerance != hosts.front()->input.tolerance) one_tolerance = false;
    const std::optional<Offset> offset = CurrentOffset(*host);
    if (!offset) continue;
    offsets.push_back(Abs(offset->value));
    bounds.push_back(offset->error_bound);
  }
  if (!offsets.empty()) {
    summary.offset = PercentilesOf(std::move(offsets));
    summary.error_bound = PercentilesOf(std::move(bounds));
  }
  if (one_tolerance) summary.tolerance = hosts.front()->input.tolerance;
  summary.agreement = AgreementOf(hosts);
  summary.measurement_doubtful = IsMeasurementDoubtful(hosts);
  return summary;
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

FleetView BuildFleetView(std::span<const HostInput> hosts, SystemTime now,
                         const ViewOptions& options) {
  SourceVotes votes;
  for (const HostInput& host : hosts)
    if (host.reading && !IsStale(host, now, options.stale)) votes.Add(host);
  FleetView view{.now = now, .summary = {}, .hosts = {}};
  view.hosts.reserve(hosts.size());
  for (const HostInput& host : hosts) view.hosts.push_back(Judge(host, votes, now, options));
  std::vector<const HostView*> all;
  for (const HostView& host : view.hosts) all.push_back(&host);
  view.summary = SummaryOf(all);
  SortHosts(view.hosts, options.sort);
  return view;
}

void KeepMatching(const Filter& filter, FleetView& view) {
  std::erase_if(view.hosts, [&filter](const HostView& host) {
    return (!filter.states.empty() && !filter.states.contains(host.state)) ||
           host.input.host.find(filter.name) == std::string::npos;
  });
  if (filter.top > 0 && view.hosts.size() > filter.top)
    view.hosts.erase(view.hosts.begin() + static_cast<std::ptrdiff_t>(filter.top),
                     view.hosts.end());
}

int ExitCodeOf(const FleetView& view) {
  const Summary& summary = view.summary;
  if (summary.within_tolerance < summary.reporting) return cli::kOutOfTolerance;
  return summary.within_tolerance == summary.expected ? cli::kAllWell : cli::kHostFailed;
}

}  // namespace fleetsync::status
