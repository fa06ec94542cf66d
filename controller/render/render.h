#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "controller/facts/facts.h"
#include "controller/policy/time_policy.h"

namespace fleetsync::render {

// What of a host decides how a daemon's file is written.
struct Platform {
  facts::Daemon daemon = facts::Daemon::kChrony;
  std::string version;  // "4.3", "4.2.8p15"; empty: unknown, nothing recent is used
  std::string os_id;    // of os-release
  std::string binary;   // the daemon's program
  std::string config_path;
  std::string drift_path;
  std::string keys_path;  // where push puts keys
  std::string current;    // the file as it is now: what it says about keys is kept
};
Platform PlatformOf(const facts::Facts& facts, const facts::DaemonFact& daemon);

// Compares the numbers of a version, "4.2.8p15" as 4.2.8.15. An empty version is below everything.
bool VersionAtLeast(std::string_view version, std::initializer_list<int> wanted);

// How a host checks a file before it is put in place.
enum class Checker : uint8_t {
  kNone,
  kChronyd,   // chronyd -p
  kNtpd,      // ntpd reads it in a mode or a sandbox in which it sets nothing
  kOpenntpd,  // ntpd -n
  kAgent,     // fleetsync-agent check
};

struct RenderedFile {
  std::string path;
  std::string text;  // ends with a line break; the same input gives the same bytes
  Checker checker = Checker::kNone;
  // Parts of the policy that this daemon cannot do: shown, never dropped in silence.
  std::vector<std::string> not_expressible;
};

// The time daemon's configuration file: chrony.conf, ntp.conf, … InvalidArgument when the policy
// holds what the daemon's file cannot.
StatusOr<RenderedFile> RenderTimeService(const policy::TimePolicy& policy,
                                         const Platform& platform);

// Each daemon's; the body alone, without the heading. The policy has passed CheckExpressible.
StatusOr<std::string> ChronyConf(const policy::TimePolicy& policy, const Platform& platform);
StatusOr<std::string> NtpConf(const policy::TimePolicy& policy, const Platform& platform);
StatusOr<std::string> OpenntpdConf(const policy::TimePolicy& policy, const Platform& platform);
StatusOr<std::string> TimesyncdConf(const policy::TimePolicy& policy, const Platform& platform);
// For an agent that keeps the clock; what is about reports is taken from the file as it is.
StatusOr<std::string> AgentConf(const policy::TimePolicy& policy, const Platform& platform);

// Where push puts it: timesyncd's own file is left to the administrator.
inline constexpr std::string_view kTimesyncdDropIn =
    "/etc/systemd/timesyncd.conf.d/50-fleetsync.conf";

// What a file says now, to be said again: for each of `directives` the last uncommented line, but
// not where `extra` has that directive, and not from the part of the file that was made from
// `extra`.
std::vector<std::string> KeptLines(std::string_view file,
                                   std::initializer_list<std::string_view> directives,
                                   const std::vector<std::string>& extra);

// Stands before the lines of `extra`.
inline constexpr std::string_view kExtraHeading = "# time.extra";

// `path` when a configuration file can hold it as one word, else `fallback`.
std::string PlainPath(std::string_view path, std::string_view fallback);

}  // namespace fleetsync::render
