#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace fleetsync::status {

// What a host's clock is known to be, worst first: the order in which hosts are listed.
enum class State : uint8_t {
  kOff,             // |offset| + bound is beyond the host's tolerance
  kUnsynchronised,  // says itself that it follows nothing: stratum 16, leap 3
  kStale,           // the last report is too old to believe
  kUnreachable,     // could not be asked (--live)
  kSilent,          // never reported
  kSynced,
};
std::string_view ToString(State state);  // "off", "unsynchronised", …

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
  // --live: what the controller measured itself over SSH, whatever the daemon says.
  std::optional<Duration> measured = std::nullopt, measured_bound = std::nullopt;
};

// What is known about one host when the view is built.
struct HostInput {
  std::string host;
  std::vector<std::string> groups;
  Duration tolerance = std::chrono::milliseconds(10);
  std::optional<Reading> reading;
  std::string failure;  // why it could not be asked; empty when it was or when nobody asked
};

struct HostView {
  HostInput input;
  State state = State::kSilent;
  Duration age{};  // of the reading; zero without one
};

struct Percentiles {
  Duration p50{}, p95{}, max{};
};

struct Summary {
  size_t expected = 0, reporting = 0;  // reporting: synced, off and unsynchronised
  size_t synced = 0, off = 0, unsynchronised = 0, stale = 0, unreachable = 0, silent = 0;
  std::optional<Duration> tolerance;  // when all hosts have the same
  // Over the hosts whose offset means something now (synced and off); unset without any.
  std::optional<Percentiles> offset;  // of |offset|
  std::optional<Percentiles> error_bound;
  // No two synced clocks differ by more than this; unset with fewer than two.
  std::optional<Duration> agreement;
};

struct FleetView {
  SystemTime now;
  bool live = false;  // asked over SSH just now: daemons and measurements instead of ages
  Summary summary;
  std::vector<HostView> hosts;
};

enum class Sort : uint8_t { kWorst, kName, kOffset };

struct ViewOptions {
  Duration stale = std::chrono::seconds(60);
  Sort sort = Sort::kWorst;
};

// Pure. Readings that are older than `stale`, or that claim to come from further than that in the
// future (the controller's clock was set back since), are stale, whatever they say.
FleetView BuildFleetView(std::span<const HostInput> hosts, SystemTime now,
                         const ViewOptions& options);

// 0 every host synced; 4 a clock out of tolerance or unsynchronised; else 1 (stale, silent or
// unreachable): what is known to be wrong comes before what is not known.
int ExitCodeOf(const FleetView& view);

}  // namespace fleetsync::status
