#include "agent/daemon/time_loop.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include "agent/daemon/engine_shell.h"
#include "agent/daemon/host_watch.h"
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

// A step, a lost source or another daemon is reported at once, but no more often than this.
constexpr Duration kUrgentReports = std::chrono::seconds(1);

// Spools a report at every interval, and when something happened that matters; keeps the reporter
// running.
class Reporting {
 public:
  static StatusOr<std::unique_ptr<Reporting>> Create(const ReportingConfig& config, Log log) {
    FS_ASSIGN_OR_RETURN(auto spool, report::SpoolWriter::Open(config.spool));
    return std::unique_ptr<Reporting>(new Reporting(config, std::move(spool), std::move(log)));
  }

  void Start(Now now) {
    next_ = now.mono + std::min(kFirstReport, interval_);
    watch_.Start(now);
    process_.OnTimer(now.mono);
  }

  MonoTime NextTimer() const {
    const MonoTime others = std::min(watch_.NextTimer(), process_.NextTimer());
    return reporting_ ? others : std::min(others, NextReport());
  }
  std::array<int, 2> fds() const { return {process_.fd(), watch_.fd()}; }

  void OnTurn(Now now, bool reporter_speaks, bool daemon_speaks, EngineShell& shell) {
    if (reporter_speaks) OnReadable(now.mono);
    watch_.OnTurn(now, daemon_speaks, shell);
    process_.OnTimer(now.mono);
    if (!reporting_ && now.mono >= NextReport()) {
      reporting_ = true;
      watch_.BeginReport(now);
    }
    if (reporting_ && watch_.ready()) SpoolReport(now, shell);
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
        watch_({.kind = config.observe, .seed = config.seed, .log = log_}, context_.daemon),
        trouble_(log_, "; measuring goes on, reports are lost", "reports are kept on disk again") {}

  MonoTime NextReport() const {
    return watch_.urgent() ? std::min(next_, spooled_ + kUrgentReports) : next_;
  }

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

  void SpoolReport(Now at, EngineShell& shell) {
    const MonoTime now = at.mono;
    reporting_ = false;
    spooled_ = now;
    // Counted from the last time, not from now: reports do not drift. After a long sleep: anew.
    if (now >= next_) next_ += interval_;
    if (next_ < now) next_ = now + interval_;
    const HostState state = watch_.TakeState(at, shell);
    context_.daemon = state.daemon;
    const auto sequence = spool_->Append(
        report::ToReport(state.snapshot, context_, state.events).SerializeAsString());
    trouble_.Update(sequence.status());
    if (sequence.ok()) process_.TellSpooled(*sequence);
    if (spool_->dropped() > dropped_told_) {
      if (dropped_told_ == 0) log_("the spool is full: the oldest reports are dropped");
      dropped_told_ = spool_->dropped();
    }
  }

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
  Complaint trouble_;
};

}  // namespace

Status RunTimeLoop(const TimeLoopConfig& config) {
  std::unique_ptr<Reporting> reporting;
  if (config.reporting) {
    FS_ASSIGN_OR_RETURN(reporting, Reporting::Create(*config.reporting, config.shell.log));
    reporting->Start(ReadClocks());
  }
  EngineShell shell(config.shell);
  FS_RETURN_IF_ERROR(shell.Start());
  NotifySystemd("READY=1");
  while (!StopRequested()) {
    if (!reporting) {
      FS_RETURN_IF_ERROR(shell.Turn(MonoTime::max(), {}));
      continue;
    }
    const std::array<int, 2> fds = reporting->fds();
    std::array<pollfd, 2> extra{{{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}}};  // -1 is passed over
    FS_RETURN_IF_ERROR(shell.Turn(reporting->NextTimer(), extra));
    reporting->OnTurn(ReadClocks(), extra[0].revents != 0, extra[1].revents != 0, shell);
  }
  NotifySystemd("STOPPING=1");
  shell.Stop();
  return absl::OkStatus();
}

}  // namespace fleetsync::daemon
