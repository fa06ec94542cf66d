#pragma once

#include <cstdint>
#include <optional>

#include "agent/server/server_vars.h"

namespace fleetsync::relay {

// What a relay serves while it has no better time: the time it served last, carried on by the
// system clock, at a stratum of the operator's choice. A step of that clock by others is taken out.
class LocalFallback {
 public:
  // None: nothing is served then.
  explicit LocalFallback(std::optional<uint8_t> stratum) : stratum_(stratum) {}

  // `vars` as they are when they are synchronised, else the fallback. Called often: a step that
  // happens between two calls is seen.
  server::ServerVars Apply(const server::ServerVars& vars);

  bool active() const { return active_; }

 private:
  std::optional<uint8_t> stratum_;
  bool active_ = false;
  Duration offset_{};  // from the system clock, of what was served last
  std::optional<Now> last_;
};

}  // namespace fleetsync::relay
