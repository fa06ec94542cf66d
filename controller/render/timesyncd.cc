#include <algorithm>

#include "base/text.h"
#include "controller/render/render.h"
#include "controller/render/seconds.h"
#include "fmt/format.h"

namespace fleetsync::render {
namespace {

using inventory::TimeSource;

// One interval for all servers: the same for each, or unset.
Status CheckOneInterval(const policy::TimePolicy& policy) {
  const auto differs = [&](const TimeSource& source) {
    return source.minpoll != policy.sources.front().minpoll ||
           source.maxpoll != policy.sources.front().maxpoll;
  };
  if (std::none_of(policy.sources.begin(), policy.sources.end(), differs)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{}: timesyncd has one minpoll and maxpoll for all servers; write the same for "
                  "each",
                  policy.host));
}

}  // namespace

// A drop-in for timesyncd.conf(5). `NTP=` first empties what other files name.
StatusOr<std::string> TimesyncdConf(const policy::TimePolicy& policy, const Platform&) {
  if (policy.role == inventory::Role::kRelay)
    return absl::InvalidArgumentError(fmt::format(
        "{}: timesyncd is a client only and cannot be a relay; set time.daemon to chrony",
        policy.host));
  FS_RETURN_IF_ERROR(CheckOneInterval(policy));
  std::string body = "[Time]\nNTP=\n";
  body += fmt::format("NTP={}\n", Join(inventory::AddressesOf(policy.sources), " "));
  body += "FallbackNTP=\n";
  if (!policy.sources.empty()) {
    const TimeSource& first = policy.sources.front();
    if (first.minpoll) body += fmt::format("PollIntervalMinSec={}\n", 1L << *first.minpoll);
    if (first.maxpoll)
      body += fmt::format("PollIntervalMaxSec={}\n", 1L << std::max(*first.maxpoll, 0));
  }
  if (policy.settings.max_distance)
    body += fmt::format("RootDistanceMaxSec={}\n", Seconds(*policy.settings.max_distance));
  if (!policy.extra.empty()) body += fmt::format("\n{}\n", kExtraHeading);
  for (const std::string& line : policy.extra) body += line + "\n";
  return body;
}

}  // namespace fleetsync::render
