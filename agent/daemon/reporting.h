#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/daemon/complaint.h"
#include "agent/daemon/engine_shell.h"
#include "agent/daemon/host_watch.h"
#include "agent/daemon/reporter_child.h"
#include "agent/daemon/reporter_process.h"
#include "agent/observe/daemon_kind.h"
#include "agent/report/local_message.h"
#include "agent/report/report.h"
#include "agent/report/spool_writer.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::daemon {

struct ReportingConfig {
  Duration interval{};
  report::SpoolConfig spool;
  report::ReportContext context;  // its daemon: while none is observed
  observe::Kind observe = observe::Kind::kNone;
  uint64_t seed = 0;  // of the observer's requests
  std::shared_ptr<ReporterChild> reporter;
};

// The time process's side of reporting: spools a report at every interval, and when something
// happened that matters; keeps the reporter running, and carries out the commands that it hands
// over. Not thread-safe.
class Reporting {
 public:
  using Log = std::function<void(const std::string&)>;

  static StatusOr<std::unique_ptr<Reporting>> Create(const ReportingConfig& config, Log log);
  Reporting(const Reporting&) = delete;
  Reporting& operator=(const Reporting&) = delete;
  ~Reporting();

  void Start(Now now);
  MonoTime NextTimer() const;
  // Of the reporter and of the observed daemon; -1: none.
  std::array<int, 2> fds() const { return {process_.fd(), watch_.fd()}; }
  void OnTurn(Now now, bool reporter_speaks, bool daemon_speaks, EngineShell& shell);

  // The controller has asked for a new start, which the service manager gives.
  bool restart_asked() const { return restart_asked_; }

 private:
  Reporting(const ReportingConfig& config, std::unique_ptr<report::SpoolWriter> spool, Log log);
  MonoTime NextReport() const;
  void OnReadable(MonoTime now, EngineShell& shell);
  void SpoolReport(Now now, EngineShell& shell);
  void OnAcknowledged(uint64_t through);
  report::LocalMessage CarryOut(const report::LocalMessage& command, MonoTime now,
                                EngineShell& shell);
  void SyncNow(const report::LocalMessage& command, MonoTime now, EngineShell& shell,
               report::LocalMessage& result);

  Log log_;
  Duration interval_;
  report::ReportContext context_;
  std::unique_ptr<report::SpoolWriter> spool_;
  ReporterProcess process_;
  HostWatch watch_;
  MonoTime next_{};         // when the next report is due
  MonoTime spooled_{};      // when the last one was
  bool reporting_ = false;  // one is being made
  uint64_t dropped_told_ = 0;
  bool restart_asked_ = false;
  Complaint trouble_;
};

}  // namespace fleetsync::daemon
