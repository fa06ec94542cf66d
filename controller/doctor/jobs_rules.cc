#include <algorithm>

#include "base/text.h"
#include "controller/doctor/rule_parts.h"
#include "fmt/format.h"

namespace fleetsync::doctor {

namespace {

using facts::DaemonFact;

bool WritesRtc(std::string_view line) {
  const size_t hwclock = line.find("hwclock");
  if (hwclock == std::string_view::npos || line.find("ntpdate") == std::string_view::npos)
    return false;
  const auto words = SplitWords(line.substr(hwclock));
  return std::any_of(words.begin(), words.end(), [](std::string_view word) {
    return word.starts_with("-w") || word.starts_with("--systohc");
  });
}

}  // namespace

void Jobs(const Case& patient, Findings& findings) {
  const DaemonFact* running = patient.facts.Running();
  for (const std::string& job : patient.facts.time_jobs) {
    const std::string line = job.substr(std::min(job.find(": ") + 2, job.size()));
    const std::vector<std::string_view> words = SplitWords(line);
    if (job.starts_with("/etc/cron.d/fleetsync:")) continue;
    if (words.size() > 5 && words[0] == "*" && words[1].starts_with("*/"))
      Add(findings, "every-minute", Severity::kError,
          fmt::format("{}: \"* {}\" runs every minute, not every {} hours", job, words[1],
                      words[1].substr(2)),
          Push(patient) + " retires it");
    if (WritesRtc(line))
      Add(findings, "job-writes-rtc", Severity::kWarning,
          fmt::format("{}: ntpdate, then hwclock: what one bad answer says is written to the "
                      "hardware clock as well, and survives the next start",
                      job),
          Push(patient) + " retires it; time.rtc of the inventory keeps the hardware clock right");
    if (running != nullptr)
      Add(findings, "job-beside-daemon", Severity::kError,
          fmt::format("{} keeps this clock, and cron sets it as well: {}",
                      facts::ToString(running->daemon), job),
          Push(patient) + " retires it");
    else
      Add(findings, "job-steps-clock", Severity::kWarning,
          fmt::format(
              "{}: it steps the clock now and then, backwards too, instead of keeping it right",
              job),
          "let a daemon keep it: " + Push(patient));
  }
}

}  // namespace fleetsync::doctor
