#include "agent/daemon/reporting.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/time_text.h"
#include "fmt/format.h"
#include "proto/fleetsync/v1/fleet.pb.h"

namespace fleetsync::daemon {
namespace {

using report::LocalMessage;

// The first report does not wait for an interval: an operator who installs the agent wants to see
// it. The first burst is over by then.
constexpr Duration kFirstReport = std::chrono::seconds(8);
// A step, a lost source or another daemon is reported at once, but no more often than this.
constexpr Duration kUrgentReports = std::chrono::seconds(1);
constexpr Duration kShortestInterval = std::chrono::seconds(1);
constexpr Duration kLongestInterval = std::chrono::hours(1);

// systemd starts us again (Restart=always in our unit) and says by this that it is there.
bool IsStartedAgain() {
  return getenv("INVOCATION_ID") != nullptr;
}  // NOLINT(concurrency-mt-unsafe)

v1::CommandOutcome OutcomeOf(const Status& status) {
  if (status.ok()) return v1::COMMAND_OUTCOME_DONE;
  return absl::IsOutOfRange(status) ? v1::COMMAND_OUTCOME_REFUSED : v1::COMMAND_OUTCOME_FAILED;
}

ntp::SyncLimits LimitsOf(const LocalMessage& command) {
  ntp::SyncLimits limits{.allow_backward = (command.flags & LocalMessage::kAllowBackward) != 0};
  constexpr auto kMost = static_cast<uint64_t>(Duration::max().count());
  if (command.limit != 0 && command.limit < kMost)
    limits.largest = Duration(static_cast<int64_t>(command.limit));
  return limits;
}

}  // namespace

StatusOr<std::unique_ptr<Reporting>> Reporting::Create(const ReportingConfig& config, Log log) {
  FS_ASSIGN_OR_RETURN(auto spool, report::SpoolWriter::Open(config.spool));
  return std::unique_ptr<Reporting>(new Reporting(config, std::move(spool), std::move(log)));
}

Reporting::Reporting(const ReportingConfig& config, std::unique_ptr<report::SpoolWriter> spool,
                     Log log)
    : log_(std::move(log)),
      interval_(config.interval),
      context_(config.context),
      spool_(std::move(spool)),
      process_(config.reporter, log_),
      watch_({.kind = config.observe, .seed = config.seed, .log = log_}, context_.daemon),
      trouble_(log_, "; measuring goes on, reports are lost", "reports are kept on disk again") {}

Reporting::~Reporting() {
  if (dropped_told_ > 0) log_(fmt::format("{} reports were dropped unsent", dropped_told_));
}

void Reporting::Start(Now now) {
  next_ = now.mono + std::min(kFirstReport, interval_);
  watch_.Start(now);
  process_.OnTimer(now.mono);
}

MonoTime Reporting::NextReport() const {
  return watch_.urgent() ? std::min(next_, spooled_ + kUrgentReports) : next_;
}

MonoTime Reporting::NextTimer() const {
  const MonoTime others = std::min(watch_.NextTimer(), process_.NextTimer());
  return reporting_ ? others : std::min(others, NextReport());
}

void Reporting::OnTurn(Now now, bool reporter_speaks, bool daemon_speaks, EngineShell& shell) {
  if (reporter_speaks) OnReadable(now.mono, shell);
  watch_.OnTurn(now, daemon_speaks, shell);
  process_.OnTimer(now.mono);
  if (!reporting_ && now.mono >= NextReport()) {
    reporting_ = true;
    watch_.BeginReport(now);
  }
  if (reporting_ && watch_.ready()) SpoolReport(now, shell);
}

void Reporting::SpoolReport(Now now, EngineShell& shell) {
  reporting_ = false;
  spooled_ = now.mono;
  // Counted from the last time, not from now: reports do not drift. After a long sleep: anew.
  if (now.mono >= next_) next_ += interval_;
  if (next_ < now.mono) next_ = now.mono + interval_;
  const HostState state = watch_.TakeState(now, shell);
  context_.daemon = state.daemon;
  const auto sequence =
      spool_->Append(report::ToReport(state.snapshot, context_, state.events).SerializeAsString());
  trouble_.Update(sequence.status());
  if (sequence.ok()) process_.TellSpooled(*sequence);
  if (spool_->dropped() > dropped_told_) {
    if (dropped_told_ == 0) log_("the spool is full: the oldest reports are dropped");
    dropped_told_ = spool_->dropped();
  }
}

void Reporting::OnReadable(MonoTime now, EngineShell& shell) {
  for (const LocalMessage& message : process_.OnReadable(now)) {
    if (message.kind == LocalMessage::Kind::kAcknowledged) {
      OnAcknowledged(message.number);
    } else {
      process_.Tell(CarryOut(message, now, shell));
    }
  }
}

void Reporting::OnAcknowledged(uint64_t through) {
  const uint64_t last = spool_->last();
  trouble_.Update(spool_->Acknowledge(through));
  if (spool_->last() == last) return;
  log_(
      fmt::format("the controller knows this host up to report {}, the spool only to {}: going "
                  "on from there",
                  through, last));
  process_.TellSpooled(spool_->last());
}

LocalMessage Reporting::CarryOut(const LocalMessage& command, MonoTime now, EngineShell& shell) {
  LocalMessage result{.kind = LocalMessage::Kind::kResult,
                      .flags = v1::COMMAND_OUTCOME_FAILED,
                      .number = command.number};
  switch (command.kind) {
    case LocalMessage::Kind::kSyncNow:
      SyncNow(command, now, shell, result);
      return result;
    case LocalMessage::Kind::kSetInterval:
      interval_ = std::clamp<Duration>(
          std::chrono::milliseconds(std::min<uint64_t>(command.limit, UINT32_MAX)),
          kShortestInterval, kLongestInterval);
      next_ = std::min(next_, now + interval_);
      log_(fmt::format("reporting every {}, as the controller asks", FormatDuration(interval_)));
      result.flags = v1::COMMAND_OUTCOME_DONE;
      return result;
    case LocalMessage::Kind::kRestart:
      restart_asked_ = IsStartedAgain();
      result.flags = restart_asked_ ? v1::COMMAND_OUTCOME_DONE : v1::COMMAND_OUTCOME_REFUSED;
      if (!restart_asked_) result.SetText("no service manager would start the agent again");
      return result;
    default:
      result.SetText("an unknown command");
      return result;
  }
}

void Reporting::SyncNow(const LocalMessage& command, MonoTime now, EngineShell& shell,
                        LocalMessage& result) {
  const EngineShell::Synced synced = shell.SyncNow(LimitsOf(command));
  log_(synced.status.ok()
           ? fmt::format("set by the controller's command: {} before, {} left",
                         FormatSigned(synced.before), FormatSigned(synced.after))
           : fmt::format("the controller's command to set the clock: {}", Message(synced.status)));
  result.flags = OutcomeOf(synced.status);
  result.SetText(synced.status.ok() ? "" : Message(synced.status));
  result.offset_before = synced.before.count();
  result.offset_after = synced.after.count();
  result.error_bound = static_cast<uint64_t>(std::max<int64_t>(0, synced.error_bound.count()));
  next_ = std::min(next_, now);  // the fleet's view should show it at once
}

}  // namespace fleetsync::daemon
