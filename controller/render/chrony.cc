#include "base/text.h"
#include "controller/render/render.h"
#include "controller/render/seconds.h"
#include "fmt/format.h"

namespace fleetsync::render {
namespace {

using inventory::TimeSettings;
using inventory::TimeSource;

std::string FolderOf(std::string_view path, std::string_view fallback) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos || slash == 0 ? fallback
                                                                   : path.substr(0, slash));
}

// Where the kernel learns of leap seconds. tzdata's right/ zones left the default installation of
// newer distributions, whose chronyd (4.6) reads the list itself.
std::string_view LeapSecondLine(std::string_view version) {
  return VersionAtLeast(version, {4, 6}) ? "leapseclist /usr/share/zoneinfo/leap-seconds.list\n"
                                         : "leapsectz right/UTC\n";
}

std::string_view KindWord(TimeSource::Kind kind) {
  switch (kind) {
    case TimeSource::Kind::kServer:
      return "server";
    case TimeSource::Kind::kPool:
      return "pool";
    case TimeSource::Kind::kPeer:
      return "peer";
  }
  return "";
}

std::string SourceLine(const TimeSource& source, TimeSettings::Family family) {
  std::string line = fmt::format("{} {}", KindWord(source.kind), source.address);
  const auto flag = [&](bool set, std::string_view word) {
    if (set) line += fmt::format(" {}", word);
  };
  const auto value = [&](const auto& number, std::string_view word) {
    if (number) line += fmt::format(" {} {}", word, *number);
  };
  flag(source.iburst && source.kind != TimeSource::Kind::kPeer, "iburst");
  flag(source.prefer, "prefer");
  flag(source.trust, "trust");
  flag(source.noselect, "noselect");
  flag(source.xleave, "xleave");
  flag(source.nts, "nts");
  value(source.minpoll, "minpoll");
  value(source.maxpoll, "maxpoll");
  value(source.key, "key");
  if (source.max_delay) line += fmt::format(" maxdelay {}", Seconds(*source.max_delay));
  if (source.offset) line += fmt::format(" offset {}", Seconds(*source.offset));
  value(source.filter, "filter");
  flag(family == TimeSettings::Family::kIpv4, "ipv4");
  flag(family == TimeSettings::Family::kIpv6, "ipv6");
  return line + "\n";
}

std::string LeapMode(TimeSettings::Leap leap) {
  switch (leap) {
    case TimeSettings::Leap::kDaemon:
      return "";
    case TimeSettings::Leap::kSystem:
      return "leapsecmode system\n";
    case TimeSettings::Leap::kStep:
      return "leapsecmode step\n";
    case TimeSettings::Leap::kSlew:
      return "leapsecmode slew\n";
    case TimeSettings::Leap::kIgnore:
      return "leapsecmode ignore\n";
  }
  return "";
}

// How the clock is kept.
std::string ClockLines(const TimeSettings& time) {
  constexpr int kFirstUpdates = 3;
  std::string lines =
      fmt::format("makestep {} {}\n", time.step_threshold ? Seconds(*time.step_threshold) : "1.0",
                  time.step_limit.value_or(kFirstUpdates));
  // From the second update on; never so often that chronyd gives up.
  if (time.panic) lines += fmt::format("maxchange {} 1 -1\n", Seconds(*time.panic));
  if (time.max_distance) lines += fmt::format("maxdistance {}\n", Seconds(*time.max_distance));
  if (time.min_sources) lines += fmt::format("minsources {}\n", *time.min_sources);
  if (time.rtc.value_or(true)) lines += "rtcsync\n";
  lines += LeapMode(time.leap);
  for (const std::string& interface : time.hwtimestamp)
    lines += fmt::format("hwtimestamp {}\n", interface);
  return lines + "maxupdateskew 100.0\n";
}

// What a relay does.
std::string ServingLines(const policy::TimePolicy& policy, const Platform& platform) {
  std::string lines;
  for (const inventory::Network& network : policy.allow)
    lines += fmt::format("allow {}\n", inventory::ToString(network));
  if (policy.local_stratum)
    lines += fmt::format("local stratum {}{}\n", *policy.local_stratum,
                         VersionAtLeast(platform.version, {2, 2}) ? " orphan" : "");
  if (const auto& limit = policy.settings.rate_limit)
    lines += fmt::format("ratelimit interval {} burst {} leak {}\n", limit->interval, limit->burst,
                         limit->leak);
  return lines;
}

}  // namespace

StatusOr<std::string> ChronyConf(const policy::TimePolicy& policy, const Platform& platform) {
  const TimeSettings& time = policy.settings;
  std::string body;
  for (const TimeSource& source : policy.sources) body += SourceLine(source, time.family);
  if (time.dhcp_servers == true) body += "sourcedir /run/chrony-dhcp\n";
  const std::string drift = PlainPath(
      time.drift_file.empty() ? platform.drift_path : time.drift_file, "/var/lib/chrony/drift");
  body += fmt::format("driftfile {}\n", drift);
  body += ClockLines(time);
  body += LeapSecondLine(platform.version);
  if (!time.keys.empty())
    body += fmt::format("keyfile {}\n", PlainPath(platform.keys_path, "/etc/chrony.keys"));
  else
    for (const std::string& line : KeptLines(platform.current, {"keyfile"}, policy.extra))
      body += line + "\n";
  if (VersionAtLeast(platform.version, {4, 0}))
    body += fmt::format("ntsdumpdir {}\n", FolderOf(drift, "/var/lib/chrony"));
  body += fmt::format("logdir {}\n", time.log_folder.empty() ? "/var/log/chrony" : time.log_folder);
  if (!time.log.empty()) body += fmt::format("log {}\n", Join(time.log, " "));
  body += ServingLines(policy, platform);
  if (!policy.extra.empty()) body += fmt::format("\n{}\n", kExtraHeading);
  for (const std::string& line : policy.extra) body += line + "\n";
  return body;
}

}  // namespace fleetsync::render
