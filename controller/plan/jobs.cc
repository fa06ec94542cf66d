#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/text.h"
#include "controller/plan/diff_parts.h"
#include "controller/render/cron.h"
#include "fmt/format.h"

namespace fleetsync::plan {
namespace {

using inventory::TimeSettings;

constexpr std::string_view kCronFile = "/etc/cron.d/fleetsync";
constexpr std::string_view kTimer = "fleetsync-job.timer";
constexpr std::string_view kTimerUnit = "/etc/systemd/system/fleetsync-job.timer";
constexpr std::string_view kJobUnit = "/etc/systemd/system/fleetsync-job.service";

// Crontabs can be edited line by line; scripts (cron.daily, rc.local) are their owners'.
bool IsCrontab(std::string_view path) {
  return path == "/etc/crontab" || path.starts_with("/etc/cron.d/") ||
         path.starts_with("/etc/crontabs/") || path.starts_with("/var/spool/cron/");
}

std::set<std::string> FilesWithTimeJobs(const facts::Facts& actual) {
  std::set<std::string> paths;
  for (const std::string& job : actual.time_jobs) paths.insert(job.substr(0, job.find(": ")));
  paths.erase(std::string(kCronFile));
  return paths;
}

std::string ServerWords(const policy::TimePolicy& desired) {
  std::string words;
  for (const inventory::TimeSource& source : desired.sources)
    words += " " + ShellQuote(source.address);
  return words;
}

// The one-shot tool that the host has.
StatusOr<std::string> SyncCommand(const policy::TimePolicy& desired, const facts::Facts& actual) {
  const std::string servers = ServerWords(desired);
  if (actual.HasTool("ntpdig")) return "ntpdig -S" + servers;
  if (actual.HasTool("ntpdate")) return "ntpdate -b" + servers;
  if (actual.HasTool("chronyd")) {
    std::string command = "chronyd -q";
    for (const inventory::TimeSource& source : desired.sources)
      command += " " + ShellQuote(fmt::format("server {} iburst", source.address));
    return command;
  }
  if (actual.HasTool("busybox-ntpd")) {
    std::string command = "busybox ntpd -q -n";
    for (const inventory::TimeSource& source : desired.sources)
      command += " -p " + ShellQuote(source.address);
    return command;
  }
  return absl::FailedPreconditionError(
      "there is nothing here that can set a clock once (ntpdate, ntpdig, chronyd, busybox ntpd); "
      "install one, or let a daemon keep this clock");
}

StatusOr<std::string> JobCommand(const policy::TimePolicy& desired, const facts::Facts& actual) {
  switch (desired.settings.job) {
    case TimeSettings::Job::kNone:
      return "";
    case TimeSettings::Job::kRtc:
      if (!actual.HasTool("hwclock"))
        return absl::FailedPreconditionError("there is no hwclock here for the job rtc");
      return "hwclock --systohc";
    case TimeSettings::Job::kSync:
      if (desired.daemon != policy::DaemonChoice::kNone)
        return absl::InvalidArgumentError(
            "time.job is sync, and a daemon keeps this clock already; set time.daemon to none, or "
            "leave the job out");
      return SyncCommand(desired, actual);
  }
  return "";
}

PlannedChange Planned(PutFile put, std::string because) {
  return {std::move(put), std::move(because)};
}

// What is to run, and when; no command: nothing.
struct WantedJob {
  std::string inventory;
  std::string command = {}, because = "the policy has no job any more";
  render::JobTimes times = {};
};

// In /etc/cron.d.
std::vector<PlannedChange> CronJob(const WantedJob& job, const facts::Facts& actual) {
  std::optional<std::string> wanted;
  if (!job.command.empty())
    wanted = render::CronFile(render::CronSchedule(job.times), job.command, job.inventory);
  std::vector<PlannedChange> changes;
  if (auto put = FileChange(std::string(kCronFile), std::move(wanted), actual))
    changes.push_back(Planned(*std::move(put), job.because));
  return changes;
}

// In root's crontab, with root's other jobs.
std::vector<PlannedChange> CrontabJob(const WantedJob& job, const facts::Facts& actual) {
  std::vector<PlannedChange> changes;
  const auto file = actual.files.find(actual.root_crontab);
  const bool there = file != actual.files.end() && file->second.exists;
  if (!there && job.command.empty()) return changes;
  // What RetireJobs has planned for the same file is part of this change.
  const std::string now = there ? render::WithoutTimeJobs(file->second.content).text : "";
  if (auto put = FileChange(actual.root_crontab,
                            render::WithCronLine(now, render::CronSchedule(job.times), job.command),
                            actual)) {
    if (!there) put->mode = 0600;
    changes.push_back(Planned(*std::move(put), job.because));
  }
  return changes;
}

// A timer of systemd. Its units stay when it is no longer wanted: one that is disabled does
// nothing.
std::vector<PlannedChange> TimerJob(const WantedJob& job, const facts::Facts& actual) {
  std::vector<PlannedChange> changes;
  SetService timer{.service = std::string(kTimer),
                   .program = "systemd",  // what keeps a timer
                   .init = facts::Init::kSystemd,
                   .was_running = actual.job_timer};
  if (job.command.empty()) {
    if (!actual.job_timer) return changes;
    timer.run = SetService::Run::kStopped;
    timer.boot = SetService::Boot::kDisabled;
    changes.push_back({std::move(timer), job.because});
    return changes;
  }
  if (auto put =
          FileChange(std::string(kJobUnit), render::JobUnit(job.command, job.inventory), actual))
    changes.push_back(Planned(*std::move(put), job.because));
  if (auto put =
          FileChange(std::string(kTimerUnit), render::TimerUnit(job.times, job.inventory), actual))
    changes.push_back(Planned(*std::move(put), job.because));
  if (!actual.job_timer) timer.boot = SetService::Boot::kEnabled;
  if (!actual.job_timer || !changes.empty()) {
    timer.run = actual.job_timer ? SetService::Run::kRestarted : SetService::Run::kStarted;
    changes.push_back({std::move(timer), job.because});
  }
  return changes;
}

}  // namespace

std::vector<PlannedChange> RetireJobs(const policy::TimePolicy& desired, const facts::Facts& actual,
                                      std::vector<std::string>& notes) {
  std::vector<PlannedChange> changes;
  if (desired.settings.rivals == TimeSettings::Rivals::kRefuse) return changes;
  for (const std::string& path : FilesWithTimeJobs(actual)) {
    const auto file = actual.files.find(path);
    if (!IsCrontab(path) || file == actual.files.end() || !file->second.readable ||
        file->second.truncated) {
      notes.push_back(
          fmt::format("{} sets the clock as well; take that out by hand", Printable(path)));
      continue;
    }
    render::RetiredJobs retired = render::WithoutTimeJobs(file->second.content);
    if (retired.lines.empty()) continue;
    if (auto put = FileChange(path, std::move(retired.text), actual))
      changes.push_back(Planned(
          *std::move(put), fmt::format("it sets the clock: {}", Printable(retired.lines.front()))));
  }
  return changes;
}

StatusOr<std::vector<PlannedChange>> ManagedJob(const policy::TimePolicy& desired,
                                                const facts::Facts& actual) {
  WantedJob job{.inventory = desired.inventory};
  FS_ASSIGN_OR_RETURN(job.command, JobCommand(desired, actual));
  FS_ASSIGN_OR_RETURN(job.times, render::SpreadJob(desired.settings.job_every, desired.host));
  if (!job.command.empty()) job.because = fmt::format("the policy's job: {}", job.command);
  const bool timer =
      actual.cron != "cron.d" && actual.cron != "busybox" && actual.init == facts::Init::kSystemd;
  const bool crontab = !timer && (actual.cron == "busybox" || actual.cron == "crontab");
  if (crontab && !actual.root_crontab.empty()) return CrontabJob(job, actual);
  if (!job.command.empty() && !timer && actual.cron != "cron.d")
    return absl::FailedPreconditionError(
        "there is no cron here, nor systemd for a timer; install cron, or leave time.job out");
  // The one that is not used is taken away, where it was before.
  const WantedJob none{.inventory = job.inventory};
  std::vector<PlannedChange> changes = CronJob(timer ? none : job, actual);
  std::vector<PlannedChange> timers = TimerJob(timer ? job : none, actual);
  std::move(timers.begin(), timers.end(), std::back_inserter(changes));
  return changes;
}

}  // namespace fleetsync::plan
