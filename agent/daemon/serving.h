#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/daemon/complaint.h"
#include "agent/serve/time_server.h"
#include "agent/server/local_fallback.h"
#include "agent/server/snapshot_vars.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::daemon {

struct ServingConfig {
  serve::TimeServerConfig server;
  int8_t precision = -20;                // of the local clock, log2 seconds
  std::optional<uint8_t> local_stratum;  // see server::LocalFallback
  Duration local_after{};
  bool slewed = false;  // the engine sets the clock: it moves between two publications
};

// Serves to others what the engine believes. The server's threads read what is published; all else
// is of the time loop's thread.
class Serving {
 public:
  // Takes the ports and starts nothing yet: while this process may, and can still find out who has
  // them instead. FailedPrecondition, PermissionDenied: a port cannot be had, and why.
  static StatusOr<std::unique_ptr<Serving>> Bind(ServingConfig config, Log log);

  ~Serving();  // stops the threads, and says how much was asked
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  // Once this process has given up what it does not need.
  void Start() { server_->Work(); }

  // After every event, and when NextTimer() has come: a step of the clock by others is seen.
  void Publish(const ntp::Snapshot& snapshot);
  MonoTime NextTimer() const { return next_; }

  const serve::TimeServer& server() const { return *server_; }

 private:
  Serving(std::unique_ptr<serve::TimeServer> server, const ServingConfig& config, Log log);

  // How fast the clock may move until the next publication, seconds a second.
  double SlewRate(const ntp::Snapshot& snapshot);

  std::unique_ptr<serve::TimeServer> server_;
  server::SnapshotVars vars_;
  server::LocalFallback fallback_;
  bool slewed_;
  Log log_;
  struct {
    MonoTime at;
    Duration offset;
  } last_{};
  double seen_rate_ = 0;
  MonoTime next_{};
  std::string source_told_;
};

}  // namespace fleetsync::daemon
