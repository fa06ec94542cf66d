#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace fleetsync::db {

// Plain structs that go into the store and come out. Durations are stored as whole nanoseconds,
// instants as whole microseconds since 1970.

struct Source {
  std::string name;     // as configured
  std::string address;  // "192.0.2.1"
  uint8_t state = 0;    // fleetsync.v1.SourceState: 1 selected, 2 candidate, 3 outlier, …
  uint8_t stratum = 16;
  uint8_t reach = 0;  // shift register of the last eight polls, the newest in the lowest bit
  int8_t poll = 0;    // log2 seconds
  Duration offset{};
  Duration delay{};
  Duration jitter{};
  Duration last_sample_age{};
  std::string reference_id;
};

inline constexpr uint8_t kSelected = 1;  // Source::state

// Something that happened on a host, as its agent tells it.
struct Event {
  uint8_t kind = 0;  // fleetsync.v1.EventKind
  SystemTime host_time;
  Duration amount{};
  std::string text;
  SystemTime at{};  // by the controller's clock; the store's, nothing before

  bool operator==(const Event&) const = default;
};

struct Report {
  std::string host;
  uint64_t sequence = 0;  // the host's own numbering, from 1: stored once however often it arrives
  std::string boot_id;
  SystemTime host_time;  // the host's clock, right or wrong
  Duration monotonic{};  // since the host's boot
  SystemTime received;   // the controller's clock
  Duration offset{};     // of the reference from the host's clock: add it to be right
  Duration error_bound{};
  uint8_t stratum = 16;
  uint8_t leap = 3;  // RFC 5905: 3 is unsynchronised
  int64_t frequency_ppb = 0;
  Duration root_delay{};
  Duration root_dispersion{};
  Duration jitter{};
  std::string daemon;
  std::vector<Source> sources{};
  std::vector<Event> events{};  // since the report before
  bool holdover = false;        // no source is followed; the offset is reckoned from before
  std::string spool_id{};       // of the numbering; empty: the one of the host's newest arrival
  SystemTime at{};  // what it speaks of, by the controller's clock; the store's (placement.h)
};

// Report::stratum of a host that follows something without telling how far from a reference. Agents
// always tell.
inline constexpr uint8_t kStratumNotTold = 0;

// The host follows something (or did, in holdover), so that its offset means something.
inline bool Synchronised(const Report& report) { return report.stratum < 16 && report.leap != 3; }

// The source that the host follows; null when none.
inline const Source* Selected(const Report& report) {
  for (const Source& source : report.sources)
    if (source.state == kSelected) return &source;
  return nullptr;
}

// Of a host's clock by the controller itself, over the stream or otherwise.
struct Measurement {
  std::string host;
  SystemTime at;           // the controller's clock
  Duration offset{};       // of the controller's clock from the host's
  Duration error_bound{};  // |true offset - offset| is at most this
};

// What a host's reports of one span of time say.
struct HistoryPoint {
  SystemTime at;  // the controller's clock, where the span begins
  Duration span{};
  uint32_t reports = 0;
  uint32_t synchronised = 0;  // how many of them; the rest is over these alone
  Duration offset_min{}, offset_max{}, offset_mean{};
  Duration offset_p50{}, offset_p95{}, offset_p99{};  // of |offset|
  Duration error_bound_max{};
  int64_t frequency_mean_ppb = 0;
};

// Oldest first, both.
struct HostHistory {
  std::string host;
  std::vector<HistoryPoint> points;  // spans without a report are left out
  std::vector<Event> events;
};

// A host and the newest of its reports.
struct HostRecord {
  std::string host;
  std::string agent_version;
  SystemTime first_seen;
  SystemTime last_seen;         // by the controller's clock
  uint64_t stored_through = 0;  // of the numbering that its newest arrival told
  bool has_report = false;
  Report report;                             // with its sources, without its events
  std::optional<Measurement> measurement{};  // the controller's newest
  std::vector<Event> events{};               // the newest five, newest first
  std::vector<HistoryPoint> recent{};        // the fleet's last thirty minutes, oldest first
};

}  // namespace fleetsync::db
