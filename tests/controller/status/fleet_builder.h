#pragma once

#include <chrono>
#include <string>

#include "controller/status/fleet_view.h"

namespace fleetsync::status {

inline const SystemTime kNow(std::chrono::seconds(1'790'000'000));

// A host that follows ntp1 at stratum 3, asked `age` ago.
inline HostInput HostAt(const std::string& name, Duration offset, Duration bound,
                        Duration age = std::chrono::seconds(5)) {
  HostInput host{.host = name, .groups = {"web"}, .reading = std::nullopt, .failure = {}};
  host.reading = Reading{.at = kNow - age,
                         .offset = offset,
                         .error_bound = bound,
                         .stratum = 3,
                         .leap = 0,
                         .reach = 0377,
                         .source = "ntp1.example",
                         .frequency = Ppm{-1.234},
                         .daemon = "chrony"};
  return host;
}

inline HostInput SilentHost(const std::string& name) {
  return {.host = name, .groups = {}, .reading = std::nullopt, .failure = {}};
}

inline HostInput UnreachableHost(const std::string& name, const std::string& failure) {
  return {.host = name, .groups = {}, .reading = std::nullopt, .failure = failure};
}

}  // namespace fleetsync::status
