#include "agent/daemon/time_loop.h"

#include <poll.h>

#include <memory>
#include <span>
#include <utility>

#include "agent/daemon/engine_shell.h"
#include "agent/daemon/notify.h"
#include "agent/daemon/reporter_process.h"
#include "agent/daemon/stop_signal.h"
#include "base/clock_read.h"
#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

// The first report does not wait for an interval: an operator who installs the agent wants to see
// it. The first burst is over by then.
constexpr Duration kFirstReport = std::chrono::seconds(8);

// Spools a snapshot at every interval and keeps the reporter running.
class Reporting {
 public:
  static StatusOr<std::unique_ptr<Reporting>> Create(const ReportingConfig& config, Log log) {
    FS_ASSIGN_OR_RETURN(auto spool, report::SpoolWriter::Open(config.spool));
    return std::unique_ptr<Reporting>(new Reporting(config, std::move(spool), std::move(log)));
  }

  void Start(MonoTime now) {
    next_ = now + std::min(kFirstReport, interval_);
    process_.OnTimer(now);
  }

  MonoTime NextTimer() const { return std::min(next_, process_.NextTimer()); }
  int fd() const { return process_.fd(); }

  void OnReadable(MonoTime now) {
    const std::optional<uint64_t> through = process_.OnReadable(now);
    if (!through) return;
    const uint64_t last = spool_->last();
    trouble_.Update(spool_->Acknowledge(*through));
    if (spool_->last() == last) return;
    log_(
        fmt::format("the controller knows this host up to report {}, the spool only to {}: going "
                    "on from there",
                    *through, last));
    process_.TellSpooled(spool_->last());
  }

  void OnTimer(MonoTime now, const EngineShell& shell) {
    process_.OnTimer(now);
    if (now < next_) return;
    // Counted from the last time, not from now: reports do not drift. After a long sleep: anew.
    next_ += interval_;
    if (next_ < now) next_ = now + interval_;
    const auto sequence =
        spool_->Append(report::ToReport(shell.TakeSnapshot(), context_).SerializeAsString());
    trouble_.Update(sequence.status());
    if (sequence.ok()) process_.TellSpooled(*sequence);
    if (spool_->dropped() > dropped_told_) {
      if (dropped_told_ == 0) log_("the spool is full: the oldest reports are dropped");
      dropped_told_ = spool_->dropped();
    }
  }

  ~Reporting() {
    if (dropped_told_ > 0) log_(fmt::format("{} reports were dropped unsent", dropped_told_));
  }
  Reporting(const Reporting&) = delete;
  Reporting& operator=(const Reporting&) = delete;

 private:
  Reporting(const ReportingConfig& config, std::unique_ptr<report::SpoolWriter> spool, Log log)
      : log_(std::move(log)),
        interval_(config.interval),
        context_(config.context),
        spool_(std::move(spool)),
        process_(config.reporter, log_),
        trouble_(log_, "; measuring goes on, reports are lost", "reports are kept on disk again") {}

  Log log_;
  Duration interval_;
  report::ReportContext context_;
  std::unique_ptr<report::SpoolWriter> spool_;
  ReporterProcess process_;
  MonoTime next_{};
  uint64_t dropped_told_ = 0;
  Complaint trouble_;
};

}  // namespace

Status RunTimeLoop(const TimeLoopConfig& config) {
  std::unique_ptr<Reporting> reporting;
  if (config.reporting) {
    FS_ASSIGN_OR_RETURN(reporting, Reporting::Create(*config.reporting, config.shell.log));
    reporting->Start(ReadClocks().mono);
  }
  EngineShell shell(config.shell);
  FS_RETURN_IF_ERROR(shell.Start());
  NotifySystemd("READY=1");
  while (!StopRequested()) {
    pollfd reporter{reporting ? reporting->fd() : -1, POLLIN, 0};
    const std::span<pollfd> extra(&reporter, reporter.fd >= 0 ? 1 : 0);
    const MonoTime until = reporting ? reporting->NextTimer() : MonoTime::max();
    FS_RETURN_IF_ERROR(shell.Turn(until, extra));
    if (!reporting) continue;
    const MonoTime now = ReadClocks().mono;
    if (reporter.revents != 0) reporting->OnReadable(now);
    reporting->OnTimer(now, shell);
  }
  NotifySystemd("STOPPING=1");
  shell.Stop();
  return absl::OkStatus();
}

}  // namespace fleetsync::daemon
