#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/daemon/complaint.h"
#include "agent/daemon/engine_shell.h"
#include "agent/daemon/reporter_child.h"
#include "agent/daemon/reporter_process.h"
#include "agent/report/local_message.h"
#include "agent/report/report.h"
#include "agent/report/spool_writer.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::daemon {

struct ReportingConfig {
  Duration interval{};
  report::SpoolConfig spool;
  report::ReportContext context;
  std::shared_ptr<ReporterChild> reporter;
};

// The time process's side of reporting: spools a report at every interval, keeps the reporter
// running, and carries out the commands that it hands over. Not thread-safe.
class Reporting {
 public:
  using Log = std::function<void(const std::string&)>;

  static StatusOr<std::unique_ptr<Reporting>> Create(const ReportingConfig& config, Log log);
  Reporting(const Reporting&) = delete;
  Reporting& operator=(const Reporting&) = delete;
  ~Reporting();

  void Start(MonoTime now);
  MonoTime NextTimer() const { return std::min(next_, process_.NextTimer()); }
  int fd() const { return process_.fd(); }

  void OnReadable(MonoTime now, EngineShell& shell);
  void OnTimer(MonoTime now, const EngineShell& shell);

  // The controller has asked for a new start, which the service manager gives.
  bool restart_asked() const { return restart_asked_; }

 private:
  Reporting(const ReportingConfig& config, std::unique_ptr<report::SpoolWriter> spool, Log log);
  void SpoolReport(const EngineShell& shell);
  void OnAcknowledged(uint64_t through);
  report::LocalMessage CarryOut(const report::LocalMessage& command, MonoTime now,
                                EngineShell& shell);
  void SyncNow(const report::LocalMessage& command, EngineShell& shell,
               report::LocalMessage& result);

  Log log_;
  Duration interval_;
  report::ReportContext context_;
  std::unique_ptr<report::SpoolWriter> spool_;
  ReporterProcess process_;
  MonoTime next_{};
  uint64_t dropped_told_ = 0;
  bool restart_asked_ = false;
  Complaint trouble_;
};

}  // namespace fleetsync::daemon
