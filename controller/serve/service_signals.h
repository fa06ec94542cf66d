#pragma once

#include <signal.h>

#include <atomic>

#include "base/time.h"

namespace fleetsync::serve {

// Keeps SIGINT, SIGTERM and SIGHUP from the threads that start after it: they reach this thread
// alone, and only while it waits.
class ServiceSignals {
 public:
  ServiceSignals();
  ~ServiceSignals();
  ServiceSignals(const ServiceSignals&) = delete;
  ServiceSignals& operator=(const ServiceSignals&) = delete;

  enum class Woken { kStop, kReload, kFailed, kTime };
  // Until `stop` is set by a signal's handler, a SIGHUP has come, `fd` is readable or the time is
  // over.
  Woken Wait(int fd, const std::atomic<bool>& stop, Duration patience) const;

 private:
  sigset_t before_{};
  int hangups_ = -1;
};

}  // namespace fleetsync::serve
