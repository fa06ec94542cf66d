#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "agent/engine/snapshot.h"
#include "base/time.h"
#include "proto/ntp/names.h"
#include "proto/ntp/packet.h"

namespace fleetsync::server {

// What a server says of its own time, and the time it serves: the system clock plus `offset`.
struct ServerVars {
  Now as_of;  // both clocks, read together
  Duration offset{};
  Duration root_delay{};
  Duration root_dispersion{};  // at as_of; grows by `wander` since
  SystemTime reference_time{};
  double wander = 15e-6;  // seconds a second
  uint32_t reference_id = ntp::ReferenceId("INIT");
  uint8_t stratum = 16;
  int8_t precision = -20;
  ntp::Leap leap = ntp::Leap::kUnsynchronised;

  bool synchronised() const { return leap != ntp::Leap::kUnsynchronised && stratum < 16; }
};

// How far somebody moved the system clock between two readings, less what a slew explains; zero:
// nobody stepped it.
Duration SteppedBy(const Now& then, const Now& now);

// What the engine believes. Root delay and dispersion together never say less than its bound. While
// it has no source but knows the clock from before (holdover), the rest is as in `last`.
ServerVars FromSnapshot(const ntp::Snapshot& snapshot, int8_t precision,
                        const ServerVars& last = {});

// The system clock as the authority, at a stratum of the operator's choice: for a network that has
// no other time, or has lost it. `offset` is kept from when there was a better one.
ServerVars FromLocalClock(Now now, Duration offset, uint8_t stratum, int8_t precision);

// One writer, any number of readers: neither waits for a lock. A reader that is overtaken by a
// publication reads again.
class PublishedVars {
 public:
  PublishedVars() { Publish({}); }

  void Publish(const ServerVars& vars);  // by one thread
  ServerVars Read() const;

 private:
  static constexpr size_t kWords = 8;

  std::atomic<uint64_t> sequence_{0};  // odd while a publication is under way
  std::array<std::atomic<uint64_t>, kWords> words_{};
};

}  // namespace fleetsync::server
