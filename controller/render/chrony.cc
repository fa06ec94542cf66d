#include "controller/render/render.h"
#include "fmt/format.h"

namespace fleetsync::render {
namespace {

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

}  // namespace

StatusOr<std::string> ChronyConf(const policy::TimePolicy& policy, const Platform& platform) {
  std::string body;
  for (const inventory::TimeSource& source : policy.sources)
    body += fmt::format("server {}{}\n", source.address, source.iburst ? " iburst" : "");
  const std::string drift = PlainPath(platform.drift_path, "/var/lib/chrony/drift");
  body += fmt::format("driftfile {}\n", drift);
  body += "makestep 1.0 3\n";
  body += "rtcsync\n";
  body += "maxupdateskew 100.0\n";
  body += LeapSecondLine(platform.version);
  for (const std::string& line : KeptLines(platform.current, {"keyfile"}, policy.extra))
    body += line + "\n";
  if (VersionAtLeast(platform.version, {4, 0}))
    body += fmt::format("ntsdumpdir {}\n", FolderOf(drift, "/var/lib/chrony"));
  body += "logdir /var/log/chrony\n";
  for (const inventory::Network& network : policy.allow)
    body += fmt::format("allow {}\n", inventory::ToString(network));
  if (policy.local_stratum)
    body += fmt::format("local stratum {}{}\n", *policy.local_stratum,
                        VersionAtLeast(platform.version, {2, 2}) ? " orphan" : "");
  if (!policy.extra.empty()) body += fmt::format("\n{}\n", kExtraHeading);
  for (const std::string& line : policy.extra) body += line + "\n";
  return body;
}

}  // namespace fleetsync::render
