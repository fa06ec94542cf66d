#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "db/records.h"

namespace fleetsync::db {

// A well formed report whose numbers all follow from its sequence.
inline Report ReportOf(const std::string& host, uint64_t sequence) {
  using std::chrono::microseconds;
  using std::chrono::seconds;
  const auto n = static_cast<int64_t>(sequence);
  const SystemTime epoch(seconds(1'790'000'000));
  return {.host = host,
          .sequence = sequence,
          .boot_id = "6f1c5f0e-0d0b-4f43-9a6e-0c1d2e3f4a5b",
          .host_time = epoch + seconds(10 * n) - microseconds(n),
          .monotonic = seconds(10 * n),
          .received = epoch + seconds(10 * n),
          .offset = microseconds(n),
          .error_bound = microseconds(500 + n),
          .stratum = 3,
          .leap = 0,
          .frequency_ppb = -1234 - n,
          .root_delay = microseconds(300),
          .root_dispersion = microseconds(200),
          .jitter = microseconds(20),
          .daemon = "chrony",
          .sources = {{.name = "ntp1.example",
                       .address = "198.18.0.1",
                       .state = kSelected,
                       .stratum = 2,
                       .reach = 0377,
                       .poll = 6,
                       .offset = microseconds(n),
                       .delay = microseconds(310),
                       .jitter = microseconds(21),
                       .last_sample_age = seconds(4),
                       .reference_id = "C6120001"},
                      {.name = "ntp2.example",
                       .address = "198.18.0.2",
                       .state = 2,
                       .stratum = 2,
                       .reach = 0177,
                       .poll = 6,
                       .offset = microseconds(n + 40),
                       .delay = microseconds(410),
                       .jitter = microseconds(31),
                       .last_sample_age = seconds(5),
                       .reference_id = "C6120002"}}};
}

}  // namespace fleetsync::db
