#include "base/text.h"
#include "controller/render/render.h"
#include "fmt/format.h"

namespace fleetsync::render {

using inventory::TimeSource;

// ntpd.conf(5) of OpenNTPD.
StatusOr<std::string> OpenntpdConf(const policy::TimePolicy& policy, const Platform&) {
  std::string body;
  if (policy.role == inventory::Role::kRelay) body += "listen on *\n";
  for (const TimeSource& source : policy.sources)
    body += fmt::format("{} {}{}\n", source.kind == TimeSource::Kind::kPool ? "servers" : "server",
                        source.address, source.trust ? " trusted" : "");
  if (!policy.extra.empty()) body += fmt::format("\n{}\n", kExtraHeading);
  for (const std::string& line : policy.extra) body += line + "\n";
  return body;
}

}  // namespace fleetsync::render
