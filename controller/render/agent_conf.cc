#include <algorithm>
#include <array>

#include "base/text.h"
#include "controller/render/render.h"
#include "controller/render/seconds.h"
#include "fmt/format.h"

namespace fleetsync::render {
namespace {

using inventory::TimeSource;

// What agent.conf says of reports and of the process; `fleetsync agent install` decides it.
constexpr std::array<std::string_view, 7> kOfTheInstallation = {
    "controller", "insecure-controller", "tls-dir", "report-interval", "state-dir", "user",
    "seccomp"};

std::string SourceLine(const TimeSource& source) {
  std::string line = "server " + source.address;
  const auto flag = [&](bool set, std::string_view word) {
    if (set) line += fmt::format(" {}", word);
  };
  const auto value = [&](const auto& number, std::string_view word) {
    if (number) line += fmt::format(" {} {}", word, *number);
  };
  flag(source.kind == TimeSource::Kind::kPeer, "peer");
  flag(source.iburst, "iburst");
  flag(source.prefer, "prefer");
  flag(source.trust, "trust");
  flag(source.noselect, "noselect");
  flag(source.xleave, "xleave");
  value(source.minpoll, "minpoll");
  value(source.maxpoll, "maxpoll");
  value(source.key, "key");
  if (source.max_delay) line += fmt::format(" maxdelay {}s", Seconds(*source.max_delay));
  if (source.offset) line += fmt::format(" offset {}s", Seconds(*source.offset));
  return line + "\n";
}

// What a relay does.
std::string ServingLines(const policy::TimePolicy& policy) {
  std::string lines;
  for (const inventory::Network& network : policy.allow)
    lines += fmt::format("allow {}\n", inventory::ToString(network));
  if (policy.local_stratum)
    lines += fmt::format("local stratum {} orphan\n", *policy.local_stratum);
  if (const auto& limit = policy.settings.rate_limit)
    lines += fmt::format("ratelimit interval {} burst {}\n", limit->interval, limit->burst);
  return lines;
}

// The lines of the file as it is, in their order, but not where `extra` says the same.
std::string InstallationLines(std::string_view current, const std::vector<std::string>& extra) {
  const auto directive = [](std::string_view line) {
    const std::vector<std::string_view> words = SplitWords(line);
    return words.empty() ? std::string_view() : words[0];
  };
  std::string lines;
  for (const std::string_view line : Split(current, '\n')) {
    if (line == kExtraHeading) break;
    const std::string_view word = directive(line);
    const auto same = [&](std::string_view other) { return directive(other) == word; };
    if (std::find(kOfTheInstallation.begin(), kOfTheInstallation.end(), word) ==
            kOfTheInstallation.end() ||
        std::any_of(extra.begin(), extra.end(), same) || Printable(line) != line)
      continue;
    lines += fmt::format("{}\n", Trim(line));
  }
  return lines;
}

}  // namespace

StatusOr<std::string> AgentConf(const policy::TimePolicy& policy, const Platform& platform) {
  const inventory::TimeSettings& time = policy.settings;
  std::string body = fmt::format("host {}\n", policy.host);
  for (const TimeSource& source : policy.sources) body += SourceLine(source);
  if (!time.keys.empty()) body += fmt::format("keyfile {}\n", platform.keys_path);
  if (!time.drift_file.empty()) body += fmt::format("driftfile {}\n", time.drift_file);
  if (time.step_threshold) body += fmt::format("step {}s\n", Seconds(*time.step_threshold));
  if (time.panic) body += fmt::format("panic {}s\n", Seconds(*time.panic));
  if (time.max_distance) body += fmt::format("max-distance {}s\n", Seconds(*time.max_distance));
  if (time.min_sources) body += fmt::format("min-sources {}\n", *time.min_sources);
  body += ServingLines(policy);
  body += InstallationLines(platform.current, policy.extra);
  if (!policy.extra.empty()) body += fmt::format("\n{}\n", kExtraHeading);
  for (const std::string& line : policy.extra) body += line + "\n";
  return body;
}

}  // namespace fleetsync::render
