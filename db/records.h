#pragma once

#include <cstdint>
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
  std::vector<Source> sources;
};

// The source that the host follows; null when none.
inline const Source* Selected(const Report& report) {
  for (const Source& source : report.sources)
    if (source.state == kSelected) return &source;
  return nullptr;
}

// A host and the newest of its reports.
struct HostRecord {
  std::string host;
  std::string agent_version;
  SystemTime first_seen;
  SystemTime last_seen;  // by the controller's clock
  uint64_t stored_through = 0;
  bool has_report = false;
  Report report;  // with its sources
};

}  // namespace fleetsync::db
