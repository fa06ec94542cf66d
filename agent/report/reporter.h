#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"

namespace fleetsync::report {

struct ReporterConfig {
  std::string controller;
  std::string host;
  std::string spool_folder;
  std::string tls_folder{};  // of this host's identity; empty: plain text
  int socket = -1;    // of the pair; LocalMessages both ways. Its end is the end of the reporter.
  uint64_t seed = 0;  // of the back-off's jitter
  bool clock_controlled = false;  // the time process keeps the clock
  std::function<void(const std::string&)> log;
  std::function<void()> on_settled{};  // once: the first report of this process is acknowledged
  std::function<bool()> stop_requested;
};

// Sends what is in the spool until the socket's other end closes or a stop is requested.
Status RunReporter(const ReporterConfig& config);

}  // namespace fleetsync::report
