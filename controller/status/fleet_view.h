#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "controller/status/event.h"
#include "controller/status/state.h"
#include "db/records.h"

namespace fleetsync::status {

// One look at a host's clock, from an agent's report or over SSH.
struct Reading {
  SystemTime at;           // when the controller received it, by the controller's clock
  Duration offset{};       // of the reference from the host's clock: add it to be right
  Duration error_bound{};  // |true offset - offset| is at most this
  uint8_t stratum = 16;
  bool stratum_known = true;  // false: the daemon follows something without telling its stratum
  uint8_t leap = 3;           // RFC 5905: 0 none, 1 insert, 2 delete, 3 unsynchronised
  // Of the selected source, the newest poll in the lowest bit; unset: the daemon does not tell.
  std::optional<uint8_t> reach = uint8_t{0};
  std::string source;  // the selected one; empty: none
  std::optional<Ppm> frequency;
  std::string daemon;  // "chrony", "ntp", "agent", …
  // What the controller measured itself, whatever the daemon says.
  std::optional<Duration> measured = std::nullopt, measured_bound = std::nullopt;
  bool holdover = false;  // no source is followed; the offset is reckoned from before
  std::optional<SystemTime> measured_at = std::nullopt;  // unset: with the reading
};

// What is known about one host when the view is built.
struct HostInput {
  std::string host;
  std::vector<std::string> groups;
  Duration tolerance = std::chrono::milliseconds(10);
  std::optional<Reading> reading;
  std::string failure;  // why it could not be asked; empty when it was or when nobody asked
  std::vector<db::Source> sources{};
  std::vector<Event> events{};             // newest first
  std::vector<db::HistoryPoint> recent{};  // oldest first
  bool contradicted = false;  // known already: the reading is not the host's own word any more
};

struct HostView {
  HostInput input;
  State state = State::kSilent;
  Marks marks{};
  Duration age{};  // of the reading; zero without one
  // |offset| + bound is within its tolerance and nothing speaks against its word.
  bool within_tolerance = false;
};

struct Percentiles {
  Duration p50{}, p95{}, p99{}, max{};
};

struct Summary {
  size_t expected = 0;
  size_t reporting = 0;  // a report that is new enough to believe
  size_t within_tolerance = 0;
  std::array<size_t, kStates.size()> counts{};
  std::optional<Duration> tolerance;  // when all hosts have the same
  // Over the hosts whose offset is known now: that report, by their own word or, unsynchronised,
  // by what was measured here; unset without any.
  std::optional<Percentiles> offset;  // of |offset|
  std::optional<Percentiles> error_bound;
  // No two synced clocks differ by more than this; unset with fewer than two.
  std::optional<Duration> agreement;
  // Most of at least three measured hosts contradict the measurement: it may be the controller's
  // own clock that is wrong.
  bool measurement_doubtful = false;

  size_t count(State state) const { return counts[static_cast<size_t>(state)]; }
};

struct FleetView {
  SystemTime now;
  bool live = false;  // asked over SSH just now: daemons and measurements instead of ages
  Summary summary;    // of every host, whatever a filter leaves in `hosts`
  std::vector<HostView> hosts;
};

enum class Sort : uint8_t { kWorst, kName, kOffset };

struct ViewOptions {
  Duration stale = std::chrono::seconds(60);
  Sort sort = Sort::kWorst;
  Duration settling = std::chrono::minutes(3);  // so long after a start or a step: converging
  Duration stepped = std::chrono::minutes(15);  // so long a step is marked
};

// Pure. Readings that are older than `stale`, or that claim to come from further than that in the
// future (the controller's clock was set back since), are stale, whatever they say.
FleetView BuildFleetView(std::span<const HostInput> hosts, SystemTime now,
                         const ViewOptions& options);

// Which hosts are listed. The summary stays.
struct Filter {
  std::set<State> states;  // empty: all
  std::string name;        // part of the host's name; empty: all
  size_t top = 0;          // at most so many; 0: all
};
void KeepMatching(const Filter& filter, FleetView& view);

void SortHosts(std::vector<HostView>& hosts, Sort sort);

// The summary of some of a view's hosts, a group for example.
Summary SummaryOf(std::span<const HostView* const> hosts);

// 0 every host in tolerance; 4 a clock out of tolerance, unsynchronised or not to be believed; else
// 1 (stale, silent or unreachable): what is known to be wrong comes before what is not known.
int ExitCodeOf(const FleetView& view);

}  // namespace fleetsync::status
