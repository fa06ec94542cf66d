#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/time.h"

namespace fleetsync::render {

// When a job runs: at these minutes of these hours of each day.
struct JobTimes {
  int minute = 0;                // the first
  int minute_step = 0;           // 0: that one alone
  std::optional<int> hour = {};  // the first; nothing: every hour
  int hour_step = 0;
};

// The same for the same host, spread over the fleet's hosts so that they do not ask their servers
// all at once. `every` is a number of minutes that divides an hour, of hours that divides a day, or
// one day; InvalidArgument says so.
StatusOr<JobTimes> SpreadJob(Duration every, std::string_view host);

std::string CronSchedule(const JobTimes& times);      // crontab(5): "17 3-23/6 * * *"
std::string CalendarSchedule(const JobTimes& times);  // systemd.time(7): "*-*-* 03/6:17:00"

// /etc/cron.d/fleetsync: run as root, what it says goes to the system's log.
std::string CronFile(std::string_view schedule, std::string_view command,
                     std::string_view inventory);

// The units of a systemd timer that does the same where there is no cron; what the job says goes to
// the journal.
std::string TimerUnit(const JobTimes& times, std::string_view inventory);
std::string JobUnit(std::string_view command, std::string_view inventory);

// The same line in a crontab that other jobs are in too (busybox's /etc/crontabs/root), between two
// marks; every other byte stays. An empty command takes ours away.
std::string WithCronLine(std::string_view crontab, std::string_view schedule,
                         std::string_view command);

// A crontab in which every job that sets a clock is commented out (ntpdate, sntp, rdate, hwclock,
// one-shot daemons), and those lines. Lines between our marks are left alone.
struct RetiredJobs {
  std::string text;
  std::vector<std::string> lines;
};
RetiredJobs WithoutTimeJobs(std::string_view crontab);

}  // namespace fleetsync::render
