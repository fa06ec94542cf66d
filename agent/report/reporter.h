#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"

namespace fleetsync::report {

// Between the time process and the reporter, on a socket pair that keeps message borders. Both are
// the same binary: the struct is the format.
struct SpoolMessage {
  enum class Kind : uint32_t {
    kSpooled = 1,       // time process: reports up to `sequence` are in the spool
    kAcknowledged = 2,  // reporter: the controller has everything up to `sequence`
  };
  Kind kind = Kind::kSpooled;
  uint32_t reserved = 0;
  uint64_t sequence = 0;
};

struct ReporterConfig {
  std::string controller;
  std::string host;
  std::string spool_folder;
  std::string tls_folder{};  // of this host's identity; empty: plain text
  int socket = -1;    // of the pair; SpoolMessages both ways. Its end is the end of the reporter.
  uint64_t seed = 0;  // of the back-off's jitter
  std::function<void(const std::string&)> log;
  std::function<bool()> stop_requested;
};

// Sends what is in the spool until the socket's other end closes or a stop is requested.
Status RunReporter(const ReporterConfig& config);

}  // namespace fleetsync::report
