#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/server/rate_limiter.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::relay {

struct RelayOptions {
  std::vector<std::string> listen;  // addresses of this machine; empty: all of them
  uint16_t port = 123;
  size_t workers = 1;
  std::vector<std::string> allow;  // see MakeAccessRules
  std::vector<std::string> deny;
  std::vector<std::string> upstreams;  // empty: the system clock, kept by another daemon
  std::vector<std::string> peers;      // fellow relays, for when no upstream answers
  std::optional<uint8_t> local_stratum;
  Duration local_after = std::chrono::seconds(30);  // see LocalFallback
  std::string key_file;  // as chrony.keys; empty: requests with a MAC are not answered
  server::RateLimit limit;
  std::string status_socket;  // empty: none
  bool verbose = false;
  bool notify = true;  // the service manager; not when another service is the process's main one
};

inline constexpr const char* kStatusSocket = "/run/fleetsync/relay.sock";

// Serves time until `stop`. InvalidArgument: the options; FailedPrecondition, PermissionDenied: the
// port cannot be had, and why.
Status Run(const RelayOptions& options, const std::atomic<bool>& stop);

}  // namespace fleetsync::relay
