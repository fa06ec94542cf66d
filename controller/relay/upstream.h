#pragma once

#include <poll.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/daemon/engine_shell.h"
#include "agent/server/server_vars.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::relay {

// Where a relay has its time from. One thread.
class Upstream {
 public:
  virtual ~Upstream() = default;

  virtual Status Start() = 0;
  // Waits until something happened or `until` has come, and deals with it. The caller reads the
  // revents of `extra`. A signal ends the wait early.
  virtual Status Turn(MonoTime until, std::span<pollfd> extra) = 0;
  virtual server::ServerVars TakeVars() = 0;
  // For people: "198.18.1.1", "the system clock, as chronyd keeps it".
  virtual std::string Describe() = 0;
};

// Our own engine, asking these servers. The clock is measured, not set.
std::unique_ptr<Upstream> MakeEngineUpstream(const daemon::ShellConfig& config);

}  // namespace fleetsync::relay
