#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "controller/render/render.h"
#include "controller/render/seconds.h"
#include "fmt/format.h"

namespace fleetsync::render {
namespace {

using inventory::TimeSettings;
using inventory::TimeSource;

// ntpd reads on after a line that it does not understand, and runs without it: a directive of the
// user's own is checked against ntp.conf(5) before it is sent anywhere.
constexpr std::array kDirectives = std::to_array<std::string_view>({"automax",
                                                                    "broadcast",
                                                                    "broadcastclient",
                                                                    "broadcastdelay",
                                                                    "calldelay",
                                                                    "controlkey",
                                                                    "crypto",
                                                                    "device",
                                                                    "disable",
                                                                    "discard",
                                                                    "driftfile",
                                                                    "dscp",
                                                                    "enable",
                                                                    "extra",
                                                                    "filegen",
                                                                    "fudge",
                                                                    "ident",
                                                                    "includefile",
                                                                    "interface",
                                                                    "keys",
                                                                    "keysdir",
                                                                    "leapfile",
                                                                    "leapsmearinterval",
                                                                    "limit",
                                                                    "logconfig",
                                                                    "logfile",
                                                                    "manycastclient",
                                                                    "manycastserver",
                                                                    "mdnstries",
                                                                    "mem",
                                                                    "mru",
                                                                    "multicastclient",
                                                                    "nic",
                                                                    "nonvolatile",
                                                                    "nts",
                                                                    "ntpsigndsocket",
                                                                    "peer",
                                                                    "phone",
                                                                    "pidfile",
                                                                    "pollskewlist",
                                                                    "pool",
                                                                    "refclock",
                                                                    "requestkey",
                                                                    "reset",
                                                                    "restrict",
                                                                    "revoke",
                                                                    "rlimit",
                                                                    "saveconfigdir",
                                                                    "server",
                                                                    "setvar",
                                                                    "statistics",
                                                                    "statsdir",
                                                                    "tick",
                                                                    "tinker",
                                                                    "tos",
                                                                    "trap",
                                                                    "trustedkey",
                                                                    "ttl",
                                                                    "unpeer",
                                                                    "unrestrict"});

Status CheckExtra(const policy::TimePolicy& policy, std::string_view daemon) {
  for (const std::string& line : policy.extra) {
    const std::vector<std::string_view> words = SplitWords(line);
    if (words.empty() || words[0][0] == '#') continue;
    if (std::find(kDirectives.begin(), kDirectives.end(), words[0]) != kDirectives.end()) continue;
    const std::string_view closest = ClosestWord(words[0], kDirectives);
    return absl::InvalidArgumentError(fmt::format(
        "{}: time.extra: {} has no directive '{}'{}", policy.host, daemon, Printable(words[0]),
        closest.empty() ? std::string() : fmt::format("; did you mean '{}'?", closest)));
  }
  return absl::OkStatus();
}

// The flags of one line, in the order in which ntp.conf is usually written.
struct Access {
  bool classic;  // ntpsec has neither traps nor symmetric peers to refuse, and says so in its log
  std::string Everyone() const {
    return classic ? "kod nomodify notrap nopeer noquery limited" : "kod nomodify noquery limited";
  }
  std::string Source() const { return classic ? "nomodify notrap noquery" : "nomodify noquery"; }
  std::string Served() const {
    return classic ? "nomodify notrap nopeer noquery" : "nomodify noquery";
  }
};

std::string Mask(const inventory::Network& network) {
  inventory::Network mask{.address = {.bytes = {}, .bits = network.address.bits},
                          .prefix = network.address.bits};
  for (int bit = 0; bit < network.prefix; ++bit)
    mask.address.bytes[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  return inventory::ToString(mask);
}

std::string RestrictNetwork(const inventory::Network& network, std::string_view flags,
                            bool family_option) {
  const std::string text = inventory::ToString(network);
  const std::string_view family = network.address.bits == 128 && family_option ? "-6 " : "";
  if (network.prefix == network.address.bits)
    return fmt::format("restrict {}{} {}\n", family, text, flags);
  return fmt::format("restrict {}{} mask {} {}\n", family, text.substr(0, text.find('/')),
                     Mask(network), flags);
}

std::string AccessLines(const policy::TimePolicy& policy, const Platform& platform) {
  const bool classic = platform.daemon == facts::Daemon::kNtpClassic;
  // From 4.2.8 on `default` means both families and a `restrict source` line frees the servers in
  // use, so that everyone else can be refused.
  const bool modern = !classic || VersionAtLeast(platform.version, {4, 2, 8});
  const Access access{classic};
  const bool refuse_others = classic && modern && !policy.allow.empty();
  const std::string everyone = access.Everyone() + (refuse_others ? " noserve" : "");
  std::string lines = fmt::format("restrict default {}\n", everyone);
  if (!modern) lines += fmt::format("restrict -6 default {}\n", everyone);
  if (classic && modern) lines += fmt::format("restrict source {}\n", access.Source());
  lines += "restrict 127.0.0.1\n";
  lines += modern ? "restrict ::1\n" : "restrict -6 ::1\n";
  for (const inventory::Network& network : policy.allow)
    lines += RestrictNetwork(network, access.Served(), !modern);
  return lines;
}

std::string FallbackLines(int stratum, const Platform& platform) {
  const bool orphan =
      platform.daemon == facts::Daemon::kNtpsec || VersionAtLeast(platform.version, {4, 2, 4});
  if (orphan) return fmt::format("tos orphan {}\n", stratum);
  return fmt::format("server 127.127.1.0\nfudge 127.127.1.0 stratum {}\n", stratum);
}

std::string SourceLine(const TimeSource& source, TimeSettings::Family family) {
  std::string_view word = "server";
  if (source.kind == TimeSource::Kind::kPool) word = "pool";
  if (source.kind == TimeSource::Kind::kPeer) word = "peer";
  std::string_view option;
  if (family == TimeSettings::Family::kIpv4) option = "-4 ";
  if (family == TimeSettings::Family::kIpv6) option = "-6 ";
  std::string line = fmt::format("{} {}{}", word, option, source.address);
  if (source.iburst && source.kind != TimeSource::Kind::kPeer) line += " iburst";
  if (source.prefer) line += " prefer";
  if (source.trust) line += " true";
  if (source.noselect) line += " noselect";
  if (source.xleave) line += " xleave";
  if (source.nts) line += " nts";
  if (source.minpoll) line += fmt::format(" minpoll {}", *source.minpoll);
  if (source.maxpoll) line += fmt::format(" maxpoll {}", *source.maxpoll);
  if (source.key) line += fmt::format(" key {}", *source.key);
  return line + "\n";
}

// How the clock is kept.
std::string ClockLines(const TimeSettings& time) {
  std::string lines;
  if (time.step_threshold) lines += fmt::format("tinker step {}\n", Seconds(*time.step_threshold));
  if (time.panic) lines += fmt::format("tinker panic {}\n", Seconds(*time.panic));
  if (time.max_distance) lines += fmt::format("tos maxdist {}\n", Seconds(*time.max_distance));
  if (time.min_sources) lines += fmt::format("tos minsane {}\n", *time.min_sources);
  return lines;
}

// The names of ntpd's statistics for what chrony.conf's `log` calls measurements, tracking, ….
std::string LogLines(const TimeSettings& time) {
  std::vector<std::string> kinds;
  const auto add = [&](std::string kind) {
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
      kinds.push_back(std::move(kind));
  };
  for (const std::string& log : time.log)
    add(log == "tracking" ? "loopstats" : log == "refclocks" ? "clockstats" : "peerstats");
  if (kinds.empty()) return {};
  std::string lines = fmt::format("statsdir {}/\nstatistics {}\n",
                                  time.log_folder.empty() ? "/var/log/ntpstats" : time.log_folder,
                                  Join(kinds, " "));
  for (const std::string& kind : kinds)
    lines += fmt::format("filegen {0} file {0} type day enable\n", kind);
  return lines;
}

// ntpsec counts answers a second, the classic one seconds as a power of two.
std::string RateLimitLine(const inventory::RateLimit& limit, bool ntpsec) {
  if (ntpsec)
    return fmt::format("limit average {} burst {}\n", std::ldexp(1.0, -limit.interval),
                       limit.burst);
  return fmt::format("discard average {}\n", std::max(limit.interval, 0));
}

// The policy's keys, or those that the file has already.
std::string KeyLines(const policy::TimePolicy& policy, const Platform& platform) {
  std::string lines;
  if (policy.settings.keys.empty()) {
    for (const std::string& line : KeptLines(
             platform.current, {"keys", "trustedkey", "requestkey", "controlkey"}, policy.extra))
      lines += line + "\n";
    return lines;
  }
  lines = fmt::format("keys {}\ntrustedkey", PlainPath(platform.keys_path, "/etc/ntp.keys"));
  for (const inventory::NtpKey& key : policy.settings.keys) lines += fmt::format(" {}", key.id);
  return lines + "\n";
}

}  // namespace

StatusOr<std::string> NtpConf(const policy::TimePolicy& policy, const Platform& platform) {
  FS_RETURN_IF_ERROR(CheckExtra(policy, facts::ToString(platform.daemon)));
  const TimeSettings& time = policy.settings;
  const bool ntpsec = platform.daemon == facts::Daemon::kNtpsec;
  std::string body;
  for (const TimeSource& source : policy.sources) body += SourceLine(source, time.family);
  body += fmt::format("driftfile {}\n",
                      PlainPath(time.drift_file.empty() ? platform.drift_path : time.drift_file,
                                ntpsec ? "/var/lib/ntpsec/ntp.drift" : "/var/lib/ntp/drift"));
  if (platform.os_id == "debian" || platform.os_id == "ubuntu")
    body += "leapfile /usr/share/zoneinfo/leap-seconds.list\n";
  body += ClockLines(time);
  body += LogLines(time);
  body += KeyLines(policy, platform);
  body += AccessLines(policy, platform);
  if (time.rate_limit) body += RateLimitLine(*time.rate_limit, ntpsec);
  if (policy.local_stratum) body += FallbackLines(*policy.local_stratum, platform);
  if (!policy.extra.empty()) body += fmt::format("\n{}\n", kExtraHeading);
  for (const std::string& line : policy.extra) body += line + "\n";
  return body;
}

}  // namespace fleetsync::render
