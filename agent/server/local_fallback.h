#pragma once

#include <cstdint>
#include <optional>

#include "agent/server/server_vars.h"

namespace fleetsync::server {

// What a relay serves while it has no better time: the time it served last, carried on by the
// system clock, at a stratum of the operator's choice. A step of that clock by others is taken out.
class LocalFallback {
 public:
  // Without a stratum there is no fallback. Nor is there one before `wait` has passed since the
  // first call, unless a better time was served before: a relay that starts with a wrong clock must
  // not serve it while its upstreams are still being asked.
  LocalFallback(std::optional<uint8_t> stratum, Duration wait) : stratum_(stratum), wait_(wait) {}

  // `vars` as they are when they are synchronised, else the fallback. Called often: a step that
  // happens between two calls is seen.
  ServerVars Apply(const ServerVars& vars);

  bool active() const { return active_; }

 private:
  std::optional<uint8_t> stratum_;
  Duration wait_;
  std::optional<MonoTime> first_;
  bool active_ = false;
  Duration offset_{};  // from the system clock, of what was served last
  std::optional<Now> last_;
};

}  // namespace fleetsync::server
