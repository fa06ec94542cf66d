#include "controller/render/cron.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/render/heading.h"
#include "fmt/format.h"

namespace fleetsync::render {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr std::string_view kPath = "/usr/sbin:/usr/bin:/sbin:/bin";  // cron's own has no sbin
constexpr std::string_view kBegin = "# begin fleetsync";
constexpr std::string_view kEnd = "# end fleetsync";
constexpr std::string_view kRetired = "# retired by fleetsync: ";

// FNV-1a: the same on every machine.
uint32_t Spread(std::string_view text) {
  uint32_t hash = 2166136261;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return hash;
}

// cron(8) makes a line break of a % without a backslash.
std::string Logged(std::string_view command) {
  std::string escaped;
  for (const char c : command) {
    if (c == '%') escaped += '\\';
    escaped += c;
  }
  return fmt::format("({}) 2>&1 | logger -t fleetsync", escaped);
}

bool SetsClocks(std::string_view line) {
  constexpr std::array kTools =
      std::to_array<std::string_view>({"ntpdate", "ntpdig", "sntp", "rdate", "hwclock"});
  constexpr std::array kDaemons = std::to_array<std::string_view>({"ntpd", "chronyd"});
  bool daemon = false;
  for (std::string_view word : SplitWords(line)) {
    while (word.ends_with(';') || word.ends_with(')')) word.remove_suffix(1);
    while (word.starts_with('(')) word.remove_prefix(1);
    const std::string_view name = word.substr(word.rfind('/') + 1);
    if (std::find(kTools.begin(), kTools.end(), name) != kTools.end()) return true;
    if (daemon && word.starts_with('-') && word.find_first_of("qQ") != std::string_view::npos)
      return true;
    daemon = daemon || std::find(kDaemons.begin(), kDaemons.end(), name) != kDaemons.end();
  }
  return false;
}

}  // namespace

StatusOr<JobTimes> SpreadJob(Duration every, std::string_view host) {
  const uint32_t spread = Spread(host);
  const auto within = [](uint32_t number, int64_t count) {
    return static_cast<int>(number % static_cast<uint32_t>(count));
  };
  if (every == hours(24))
    return JobTimes{.minute = within(spread, 60), .hour = within(spread / 60, 24)};
  const auto count_hours = every / hours(1);
  if (every % hours(1) == Duration::zero() && count_hours > 0 && 24 % count_hours == 0) {
    if (count_hours == 1) return JobTimes{.minute = within(spread, 60)};
    return JobTimes{.minute = within(spread, 60),
                    .hour = within(spread / 60, count_hours),
                    .hour_step = static_cast<int>(count_hours)};
  }
  const auto count_minutes = every / minutes(1);
  if (every % minutes(1) == Duration::zero() && count_minutes > 0 && 60 % count_minutes == 0)
    return JobTimes{.minute = within(spread, count_minutes),
                    .minute_step = static_cast<int>(count_minutes)};
  return absl::InvalidArgumentError(fmt::format(
      "time.every is {}, which cron cannot say; write minutes that divide an hour, hours "
      "that divide a day, or 1d",
      FormatDuration(every)));
}

std::string CronSchedule(const JobTimes& times) {
  const auto field = [](int first, int step, int last) {
    return step == 0 ? fmt::format("{}", first) : fmt::format("{}-{}/{}", first, last, step);
  };
  return fmt::format("{} {} * * *", field(times.minute, times.minute_step, 59),
                     times.hour ? field(*times.hour, times.hour_step, 23) : "*");
}

std::string CalendarSchedule(const JobTimes& times) {
  const auto field = [](int first, int step) {
    return step == 0 ? fmt::format("{:02}", first) : fmt::format("{:02}/{}", first, step);
  };
  return fmt::format("*-*-* {}:{}:00", times.hour ? field(*times.hour, times.hour_step) : "*",
                     field(times.minute, times.minute_step));
}

std::string TimerUnit(const JobTimes& times, std::string_view inventory) {
  return WithHeading(fmt::format("[Unit]\n"
                                 "Description=When fleetsync's job runs\n\n"
                                 "[Timer]\n"
                                 "OnCalendar={}\n\n"
                                 "[Install]\n"
                                 "WantedBy=timers.target\n",
                                 CalendarSchedule(times)),
                     inventory);
}

std::string JobUnit(std::string_view command, std::string_view inventory) {
  // systemd.service(5), "COMMAND LINES": what it reads in a quoted word.
  std::string word;
  for (const char c : command) {
    if (c == '"' || c == '\\') word += '\\';
    if (c == '%' || c == '$') word += c;
    word += c;
  }
  return WithHeading(fmt::format("[Unit]\n"
                                 "Description=The job that fleetsync was told to run\n\n"
                                 "[Service]\n"
                                 "Type=oneshot\n"
                                 "Environment=PATH={}\n"
                                 "ExecStart=/bin/sh -c \"{}\"\n",
                                 kPath, word),
                     inventory);
}

std::string CronFile(std::string_view schedule, std::string_view command,
                     std::string_view inventory) {
  return WithHeading(fmt::format("PATH={}\n{} root {}\n", kPath, schedule, Logged(command)),
                     inventory);
}

std::string WithCronLine(std::string_view crontab, std::string_view schedule,
                         std::string_view command) {
  std::string text;
  bool ours = false;
  std::vector<std::string_view> lines = Split(crontab, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (const std::string_view line : lines) {
    if (line == kBegin) ours = true;
    if (!ours) text += fmt::format("{}\n", line);
    if (line == kEnd) ours = false;
  }
  if (!command.empty())
    text += fmt::format("{}\n{} {}\n{}\n", kBegin, schedule,
                        Logged(fmt::format("PATH={}; {}", kPath, command)), kEnd);
  return text;
}

RetiredJobs WithoutTimeJobs(std::string_view crontab) {
  RetiredJobs retired;
  bool ours = false;
  const std::vector<std::string_view> lines = Split(crontab, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    if (line == kBegin) ours = true;
    const bool comment = Trim(line).starts_with('#');
    if (!ours && !comment && SetsClocks(line)) {
      retired.text += kRetired;
      retired.lines.emplace_back(line);
    }
    if (line == kEnd) ours = false;
    retired.text += line;
    if (i + 1 < lines.size()) retired.text += '\n';
  }
  return retired;
}

}  // namespace fleetsync::render
