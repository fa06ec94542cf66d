#include "controller/doctor/fleet_rules.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::doctor {
namespace {

constexpr size_t kCrowd = 3;

// "0 12": minute and hour of a job that runs at one minute; nothing for others, and for our own,
// which are spread.
std::optional<std::string> MinuteOf(std::string_view job) {
  if (job.starts_with("/etc/cron.d/fleetsync:")) return std::nullopt;
  const std::vector<std::string_view> words =
      SplitWords(job.substr(std::min(job.find(": ") + 2, job.size())));
  if (words.size() < 6) return std::nullopt;
  if (words[0].find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return fmt::format("{} {}", words[0], words[1]);
}

}  // namespace

std::map<std::string, Finding> SameMinute(const std::vector<HostJobs>& hosts) {
  std::map<std::string, std::set<std::string>> hosts_at;
  for (const HostJobs& host : hosts)
    for (const std::string& job : host.jobs)
      if (const auto minute = MinuteOf(job)) hosts_at[*minute].insert(host.host);
  std::map<std::string, Finding> findings;
  for (const auto& [minute, names] : hosts_at) {
    if (names.size() < kCrowd) continue;
    for (const std::string& name : names)
      findings.insert_or_assign(
          name, Finding{"same-minute", Severity::kWarning,
                        fmt::format("its job asks for the time at the same minute as those of {} "
                                    "other hosts (\"{}\"): their server hears them all at once",
                                    names.size() - 1, Printable(minute)),
                        "time.job of the inventory has a minute for each host, time.daemon needs "
                        "no job"});
  }
  return findings;
}

}  // namespace fleetsync::doctor
