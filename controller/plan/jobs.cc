#include <algorithm>
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
constexpr std::string_view kBusyboxCrontab = "/etc/crontabs/root";

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
  std::vector<PlannedChange> changes;
  FS_ASSIGN_OR_RETURN(const std::string command, JobCommand(desired, actual));
  FS_ASSIGN_OR_RETURN(const std::string schedule,
                      render::CronSchedule(desired.settings.job_every, desired.host));
  const std::string because = command.empty() ? "the policy has no job any more"
                                              : fmt::format("the policy's job: {}", command);
  const bool busybox = actual.cron == "busybox";
  if (!busybox) {
    if (!command.empty() && actual.cron != "cron.d")
      return absl::FailedPreconditionError(
          "there is no cron here that reads /etc/cron.d, and push writes no other job; install "
          "cron, or leave time.job out");
    std::optional<std::string> wanted;
    if (!command.empty()) wanted = render::CronFile(schedule, command, desired.inventory);
    if (auto put = FileChange(std::string(kCronFile), std::move(wanted), actual))
      changes.push_back(Planned(*std::move(put), because));
    return changes;
  }
  const auto file = actual.files.find(std::string(kBusyboxCrontab));
  const bool there = file != actual.files.end() && file->second.exists;
  if (!there && command.empty()) return changes;
  // What RetireJobs has planned for the same file is part of this change.
  const std::string now = there ? render::WithoutTimeJobs(file->second.content).text : "";
  if (auto put = FileChange(std::string(kBusyboxCrontab),
                            render::WithCronLine(now, schedule, command), actual)) {
    if (!there) put->mode = 0600;
    changes.push_back(Planned(*std::move(put), because));
  }
  return changes;
}

}  // namespace fleetsync::plan
