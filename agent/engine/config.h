#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace fleetsync::ntp {

// Position in EngineConfig::sources.
enum class SourceId : uint32_t {};

struct SourceConfig {
  std::string name{};  // host name or address
  uint16_t port = 123;
  int8_t minpoll = 6;             // log2 seconds
  int8_t maxpoll = 10;            // log2 seconds
  bool iburst = false;            // four requests in quick succession at the start
  bool prefer = false;            // selected before others that agree with the majority
  bool trust = false;             // where trusted sources answer, they alone decide who agrees
  bool noselect = false;          // measured, never followed
  bool fallback = false;          // followed only while no other source can be
  bool smear = false;             // smears leap seconds: never followed beside ones that do not
  bool peer = false;              // a fellow relay: followed only while no other source can be
  bool xleave = false;            // interleaved mode, where the server can
  std::optional<uint32_t> key{};  // authenticates both ways; must be in the key store
  std::optional<Duration> max_delay{};  // answers that took longer are not used
  Duration offset{};                    // known asymmetry: added to what the source says
};

// The clock's own error, as learned: (true time - raw clock) grows by this rate.
struct Drift {
  Ppm frequency{};
  Ppm skew{};  // standard deviation of it
};

struct EngineConfig {
  std::vector<SourceConfig> sources{};
  int8_t precision = -20;        // of the local clock, log2 seconds
  bool control_clock = false;    // else it measures, and never asks for a change of the clock
  std::optional<Drift> drift{};  // from the last run
  Duration step_threshold = std::chrono::milliseconds(128);
  Duration stepout =
      std::chrono::seconds(900);  // an offset beyond it must last this long, but at the start
  Duration panic_threshold = std::chrono::seconds(1000);
  bool panic_once = false;  // the first correction may be beyond it (ntpd -g)
  bool slew_only = false;   // never step (ntpd -x)
  int min_sources = 1;      // that agree, before the clock is touched
  Duration max_distance = std::chrono::seconds(3);  // of a source that is followed
  std::optional<uint8_t> orphan_stratum{};          // what this host serves when it has no upstream
  uint32_t own_reference_id = 0;  // this host, as its clients see it: decides who leads orphans
};

}  // namespace fleetsync::ntp
