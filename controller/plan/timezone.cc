#include <string>
#include <utility>

#include "controller/plan/diff_parts.h"
#include "fmt/format.h"

namespace fleetsync::plan {
namespace {

constexpr std::string_view kZones = "/usr/share/zoneinfo/";

}  // namespace

StatusOr<std::vector<PlannedChange>> SetTimezone(const policy::TimePolicy& desired,
                                                 const facts::Facts& actual) {
  std::vector<PlannedChange> changes;
  const std::string& zone = desired.settings.timezone;
  if (zone.empty()) return changes;
  const std::string because =
      fmt::format("the time zone is {}", actual.timezone.empty() ? "not known" : actual.timezone);
  if (actual.timezone != zone)
    changes.push_back({PutLink{.path = "/etc/localtime",
                               .before = actual.localtime_link,
                               .after = std::string(kZones) + zone},
                       because});
  // Debian's programs read the name here; other distributions have no such file.
  if (actual.files.contains("/etc/timezone"))
    if (auto put = FileChange("/etc/timezone", zone + "\n", actual))
      changes.push_back({*std::move(put), because});
  return changes;
}

}  // namespace fleetsync::plan
