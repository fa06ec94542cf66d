#include "controller/render/render.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "controller/render/expressible.h"
#include "controller/render/heading.h"
#include "fmt/format.h"

namespace fleetsync::render {
namespace {

// Whatever the inventory checked: a line break in here would be a directive of its own.
bool HasLineBreak(const policy::TimePolicy& policy) {
  const auto bad = [](std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return (byte < 0x20 && byte != '\t') || byte == 0x7f;
    });
  };
  return bad(policy.inventory) || std::any_of(policy.extra.begin(), policy.extra.end(), bad) ||
         std::any_of(policy.sources.begin(), policy.sources.end(),
                     [&](const inventory::TimeSource& source) {
                       return bad(source.address) || source.address.empty() ||
                              source.address.find_first_of(" \t#!;\"'") != std::string::npos;
                     });
}

}  // namespace

Platform PlatformOf(const facts::Facts& facts, const facts::DaemonFact& daemon) {
  Platform platform{.daemon = daemon.daemon,
                    .version = daemon.version,
                    .os_id = facts.os_id,
                    .binary = daemon.binary,
                    .config_path = daemon.config_path,
                    .drift_path = daemon.drift_path,
                    .keys_path = facts::DefaultPaths(daemon.daemon, facts).keys,
                    .current = {}};
  const auto file = facts.files.find(daemon.config_path);
  if (file != facts.files.end()) platform.current = file->second.content;
  return platform;
}

bool VersionAtLeast(std::string_view version, std::initializer_list<int> wanted) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.empty()) return false;
  for (const int number : wanted) {
    while (!version.empty() && !is_digit(version[0])) version.remove_prefix(1);
    int value = 0;  // "4" is 4.0
    for (; !version.empty() && is_digit(version[0]); version.remove_prefix(1))
      value = std::min(value * 10 + (version[0] - '0'), 1'000'000);
    if (value != number) return value > number;
  }
  return true;
}

std::vector<std::string> KeptLines(std::string_view file,
                                   std::initializer_list<std::string_view> directives,
                                   const std::vector<std::string>& extra) {
  std::vector<std::string> kept;
  for (const std::string_view directive : directives) {
    const auto begins_with_it = [&](std::string_view line) {
      const std::vector<std::string_view> words = SplitWords(line);
      return words.size() > 1 && words[0] == directive;
    };
    if (std::any_of(extra.begin(), extra.end(), begins_with_it)) continue;
    std::string last;
    for (const std::string_view line : Split(file, '\n')) {
      if (line == kExtraHeading) break;
      if (begins_with_it(line) && Printable(line) == line) last = std::string(Trim(line));
    }
    if (!last.empty()) kept.push_back(std::move(last));
  }
  return kept;
}

std::string PlainPath(std::string_view path, std::string_view fallback) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-";
  const bool plain =
      !path.empty() && path[0] == '/' && path.find_first_not_of(kPlain) == std::string_view::npos;
  return std::string(plain ? path : fallback);
}

namespace {

// The user's lines for whichever daemon and those for this one.
std::vector<std::string> ExtraFor(const policy::TimePolicy& policy, facts::Daemon daemon) {
  std::vector<std::string> extra = policy.extra;
  const auto add = [&](const std::vector<std::string>& more) {
    extra.insert(extra.end(), more.begin(), more.end());
  };
  switch (daemon) {
    case facts::Daemon::kChrony:
      add(policy.settings.extra_chrony);
      break;
    case facts::Daemon::kNtpClassic:
    case facts::Daemon::kNtpsec:
      add(policy.settings.extra_ntp);
      break;
    case facts::Daemon::kOpenntpd:
      add(policy.settings.extra_openntpd);
      break;
    case facts::Daemon::kTimesyncd:
      add(policy.settings.extra_timesyncd);
      break;
    case facts::Daemon::kAgent:
      break;
  }
  return extra;
}

StatusOr<std::string> BodyFor(const policy::TimePolicy& policy, const Platform& platform) {
  switch (platform.daemon) {
    case facts::Daemon::kChrony:
      return ChronyConf(policy, platform);
    case facts::Daemon::kNtpClassic:
    case facts::Daemon::kNtpsec:
      return NtpConf(policy, platform);
    case facts::Daemon::kOpenntpd:
      return OpenntpdConf(policy, platform);
    case facts::Daemon::kTimesyncd:
      return TimesyncdConf(policy, platform);
    case facts::Daemon::kAgent:
      return AgentConf(policy, platform);
  }
  return absl::InternalError("RenderTimeService: unknown daemon");
}

Checker CheckerFor(const Platform& platform) {
  switch (platform.daemon) {
    case facts::Daemon::kChrony:
      return VersionAtLeast(platform.version, {4, 0}) ? Checker::kChronyd : Checker::kNone;
    case facts::Daemon::kNtpClassic:
    case facts::Daemon::kNtpsec:
      return Checker::kNtpd;
    case facts::Daemon::kOpenntpd:
      return Checker::kOpenntpd;
    case facts::Daemon::kAgent:
      return Checker::kAgent;
    case facts::Daemon::kTimesyncd:
      return Checker::kNone;
  }
  return Checker::kNone;
}

}  // namespace

StatusOr<RenderedFile> RenderTimeService(const policy::TimePolicy& policy,
                                         const Platform& platform) {
  policy::TimePolicy whole = policy;
  whole.extra = ExtraFor(policy, platform.daemon);
  if (HasLineBreak(whole))
    return absl::InvalidArgumentError(fmt::format(
        "{}: the policy holds control characters, or a server's name that is none", policy.host));
  FS_RETURN_IF_ERROR(CheckExpressible(whole, platform));
  FS_ASSIGN_OR_RETURN(const std::string body, BodyFor(whole, platform));
  const bool timesyncd = platform.daemon == facts::Daemon::kTimesyncd;
  RenderedFile file{.path = timesyncd ? std::string(kTimesyncdDropIn) : platform.config_path,
                    .text = WithHeading(body, policy.inventory),
                    .checker = CheckerFor(platform),
                    .not_expressible = {}};
  const bool ntpd =
      platform.daemon == facts::Daemon::kNtpClassic || platform.daemon == facts::Daemon::kNtpsec;
  const bool can_refuse =
      platform.daemon == facts::Daemon::kNtpClassic && VersionAtLeast(platform.version, {4, 2, 8});
  if (ntpd && !can_refuse && !policy.allow.empty())
    file.not_expressible.push_back(
        fmt::format("{} answers time requests from every network, not from time.allow alone: "
                    "keep others out with a firewall",
                    facts::ToString(platform.daemon)));
  return file;
}

}  // namespace fleetsync::render
