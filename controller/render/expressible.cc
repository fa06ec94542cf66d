#include "controller/render/expressible.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::render {
namespace {

using facts::Daemon;
using inventory::TimeSettings;
using inventory::TimeSource;

class Wishes {
 public:
  template <class T>
  void Add(std::string_view key, const std::optional<T>& value) {
    if (value) Add(key, *value);
  }
  void Add(std::string_view key, Duration value) { Add(key, FormatDuration(value)); }
  void Add(std::string_view key, int value) { Add(key, std::to_string(value)); }
  void Add(std::string_view key, uint32_t value) { Add(key, std::to_string(value)); }
  void Add(std::string_view key, bool value) { Add(key, value ? "yes" : "no"); }
  void Add(std::string_view key, const char* value) { Add(key, std::string(value)); }
  void Add(std::string_view key, std::string value) {
    if (!value.empty()) list.push_back({std::string(key), std::move(value)});
  }
  void AddFlag(std::string_view key, bool set) {
    if (set) Add(key, "yes");
  }

  std::vector<Wish> list;
};

void AddSource(const TimeSource& source, Wishes& wishes) {
  if (source.kind != TimeSource::Kind::kServer)
    wishes.Add(source.kind == TimeSource::Kind::kPool ? "pool" : "peer", source.address);
  wishes.AddFlag("prefer", source.prefer);
  wishes.AddFlag("trust", source.trust);
  wishes.AddFlag("noselect", source.noselect);
  wishes.AddFlag("xleave", source.xleave);
  wishes.AddFlag("nts", source.nts);
  wishes.Add("minpoll", source.minpoll);
  wishes.Add("maxpoll", source.maxpoll);
  wishes.Add("key", source.key);
  wishes.Add("maxdelay", source.max_delay);
  wishes.Add("offset", source.offset);
  wishes.Add("filter", source.filter);
}

std::string_view Word(TimeSettings::Leap leap) {
  switch (leap) {
    case TimeSettings::Leap::kDaemon:
      return "";
    case TimeSettings::Leap::kSystem:
      return "system";
    case TimeSettings::Leap::kStep:
      return "step";
    case TimeSettings::Leap::kSlew:
      return "slew";
    case TimeSettings::Leap::kIgnore:
      return "ignore";
  }
  return "";
}

// A daemon's wishes, and from which version on (nothing: from any).
struct Can {
  std::string_view key;
  std::array<int, 3> since{};
};

constexpr Can kChrony[] = {{"pool", {1, 30, 0}},
                           {"peer"},
                           {"prefer"},
                           {"trust", {2, 2, 0}},
                           {"noselect"},
                           {"xleave", {3, 0, 0}},
                           {"nts", {4, 0, 0}},
                           {"minpoll"},
                           {"maxpoll"},
                           {"key"},
                           {"maxdelay"},
                           {"offset", {3, 2, 0}},
                           {"filter", {3, 4, 0}},
                           {"time.allow"},
                           {"time.local_stratum"},
                           {"time.step"},
                           {"time.panic"},
                           {"time.max_distance"},
                           {"time.min_sources"},
                           {"time.leap", {1, 31, 0}},
                           {"time.drift_file"},
                           {"time.rtc"},
                           {"time.hwtimestamp", {3, 0, 0}},
                           {"time.ratelimit", {2, 2, 0}},
                           {"time.dhcp_servers", {4, 0, 0}},
                           {"time.family", {4, 6, 0}},
                           {"time.log"},
                           {"time.log_folder"},
                           {"time.keys"}};
constexpr Can kNtpClassic[] = {{"pool"},
                               {"peer"},
                               {"prefer"},
                               {"trust"},
                               {"noselect"},
                               {"xleave", {4, 2, 6}},
                               {"minpoll"},
                               {"maxpoll"},
                               {"key"},
                               {"time.allow"},
                               {"time.local_stratum"},
                               {"time.step"},
                               {"time.panic"},
                               {"time.max_distance"},
                               {"time.min_sources"},
                               {"time.drift_file"},
                               {"time.ratelimit"},
                               {"time.family"},
                               {"time.log"},
                               {"time.log_folder"},
                               {"time.keys"}};
constexpr Can kNtpsec[] = {{"pool"},
                           {"prefer"},
                           {"noselect"},
                           {"nts", {1, 2, 0}},
                           {"minpoll"},
                           {"maxpoll"},
                           {"key"},
                           {"time.allow"},
                           {"time.local_stratum"},
                           {"time.step"},
                           {"time.panic"},
                           {"time.max_distance"},
                           {"time.min_sources"},
                           {"time.drift_file"},
                           {"time.ratelimit"},
                           {"time.family"},
                           {"time.log"},
                           {"time.log_folder"},
                           {"time.keys"}};
constexpr Can kOpenntpd[] = {{"pool"}, {"trust", {6, 4, 0}}};
constexpr Can kAgent[] = {{"peer"},
                          {"prefer"},
                          {"trust"},
                          {"noselect"},
                          {"xleave"},
                          {"minpoll"},
                          {"maxpoll"},
                          {"key"},
                          {"maxdelay"},
                          {"offset"},
                          {"time.allow"},
                          {"time.local_stratum"},
                          {"time.step"},
                          {"time.panic"},
                          {"time.max_distance"},
                          {"time.min_sources"},
                          {"time.leap"},
                          {"time.drift_file"},
                          {"time.ratelimit"},
                          {"time.keys"}};
constexpr Can kTimesyncd[] = {{"pool"}, {"minpoll"}, {"maxpoll"}, {"time.max_distance"}};

std::span<const Can> WhatCan(Daemon daemon) {
  switch (daemon) {
    case Daemon::kChrony:
      return kChrony;
    case Daemon::kNtpClassic:
      return kNtpClassic;
    case Daemon::kNtpsec:
      return kNtpsec;
    case Daemon::kOpenntpd:
      return kOpenntpd;
    case Daemon::kTimesyncd:
      return kTimesyncd;
    case Daemon::kAgent:
      return kAgent;
  }
  return {};
}

// Of the agent: what its sandbox lets it write, and what the ranges of agent.conf are.
std::string AgentProblem(const Wish& wish) {
  constexpr std::string_view kState = "/var/lib/fleetsync-agent/";
  if (wish.key == "minpoll" || wish.key == "maxpoll") {
    const int number = std::atoi(wish.value.c_str());
    if (number < 0 || number > 17) return "it takes 0 to 17";
  }
  if (wish.key == "time.step" && wish.value.find(" in the first ") != std::string::npos)
    return "it steps at any time or never: write limit: -1";
  if (wish.key == "time.leap" && wish.value != "system") return "the kernel does it: write system";
  if (wish.key == "time.drift_file" &&
      (!wish.value.starts_with(kState) || PlainPath(wish.value, "") != wish.value))
    return fmt::format("it writes below {} alone", kState);
  if (wish.key == "time.ratelimit" && wish.value.find("leak") != std::string::npos)
    return "it says \"less often\" instead of leaking answers: leave out leak";
  return {};
}

// What some values of a key are, where others are not: empty when this one is fine.
std::string ValueProblem(const Wish& wish, Daemon daemon) {
  if (daemon == Daemon::kAgent) return AgentProblem(wish);
  const bool ntpd = daemon == Daemon::kNtpClassic || daemon == Daemon::kNtpsec;
  const auto number = [&] { return std::atoi(wish.value.c_str()); };
  if (ntpd && (wish.key == "minpoll" || wish.key == "maxpoll") && (number() < 3 || number() > 17))
    return "it takes 3 to 17";
  if (daemon == Daemon::kTimesyncd && wish.key == "minpoll" && number() < 4)
    return "it takes 4 or more";
  if (ntpd && wish.key == "time.step" && wish.value.find(" in the first ") != std::string::npos)
    return "it steps at any time or never: write limit: -1";
  if (ntpd && wish.key == "time.log" && (wish.value == "rtc" || wish.value == "tempcomp"))
    return "it logs measurements, statistics, tracking and refclocks";
  return {};
}

std::string DaemonText(const Platform& platform) {
  return fmt::format("{}{}{}", facts::ToString(platform.daemon),
                     platform.version.empty() ? "" : " ", Printable(platform.version));
}

}  // namespace

std::vector<Wish> WishesOf(const policy::TimePolicy& policy) {
  Wishes wishes;
  const TimeSettings& time = policy.settings;
  for (const TimeSource& source : policy.sources) AddSource(source, wishes);
  if (!policy.allow.empty())
    wishes.Add("time.allow", fmt::format("{} networks", policy.allow.size()));
  wishes.Add("time.local_stratum", policy.local_stratum);
  if (time.step_threshold)
    wishes.Add("time.step", FormatDuration(*time.step_threshold) +
                                (time.step_limit && *time.step_limit >= 0
                                     ? fmt::format(" in the first {}", *time.step_limit)
                                     : ""));
  wishes.Add("time.panic", time.panic);
  wishes.Add("time.max_distance", time.max_distance);
  wishes.Add("time.min_sources", time.min_sources);
  wishes.Add("time.leap", std::string(Word(time.leap)));
  wishes.Add("time.drift_file", time.drift_file);
  if (time.rtc == false) wishes.Add("time.rtc", false);
  wishes.Add("time.hwtimestamp", Join(time.hwtimestamp, " "));
  if (const auto& limit = time.rate_limit)
    wishes.Add("time.ratelimit",
               fmt::format("interval {} burst {}{}", limit->interval, limit->burst,
                           limit->leak == inventory::RateLimit{}.leak
                               ? ""
                               : fmt::format(" leak {}", limit->leak)));
  wishes.Add("time.dhcp_servers", time.dhcp_servers);
  if (time.family != TimeSettings::Family::kAny)
    wishes.Add("time.family", time.family == TimeSettings::Family::kIpv4 ? "ipv4" : "ipv6");
  for (const std::string& log : time.log) wishes.Add("time.log", log);
  wishes.Add("time.log_folder", time.log_folder);
  if (!time.keys.empty()) wishes.Add("time.keys", fmt::format("{} keys", time.keys.size()));
  return wishes.list;
}

Status CheckExpressible(const policy::TimePolicy& policy, const Platform& platform) {
  const std::span<const Can> cans = WhatCan(platform.daemon);
  for (const Wish& wish : WishesOf(policy)) {
    const auto can =
        std::find_if(cans.begin(), cans.end(), [&](const Can& c) { return c.key == wish.key; });
    const auto refuse = [&](std::string_view why) {
      return absl::InvalidArgumentError(
          fmt::format("{}: {} cannot do {} ({}){}{}", policy.host, DaemonText(platform), wish.key,
                      Printable(wish.value), why.empty() ? "" : ": ", why));
    };
    if (can == cans.end()) return refuse("");
    const auto& [major, minor, patch] = can->since;
    if (major != 0 && !VersionAtLeast(platform.version, {major, minor, patch}))
      return refuse(fmt::format("it can from {}.{} on", major, minor));
    if (const std::string why = ValueProblem(wish, platform.daemon); !why.empty())
      return refuse(why);
  }
  return absl::OkStatus();
}

}  // namespace fleetsync::render
