#include "db/placement.h"

#include <algorithm>
#include <optional>

namespace fleetsync::db {
namespace {

constexpr Duration kInTime = std::chrono::seconds(30);
// Older than what any agent keeps.
constexpr Duration kOldest = std::chrono::hours(31 * 24);
// Monotonic clocks run a little fast, and the controller's may have been stepped.
constexpr Duration kAhead = std::chrono::seconds(5);
// Beyond it the sums here could overflow.
constexpr Duration kLongestBoot = std::chrono::hours(20 * 365 * 24);

std::optional<Duration> LatenessByMonotonicClock(const Report& report, const Anchor& before) {
  if (before.boot_id.empty() || before.boot_id != report.boot_id) return std::nullopt;
  const Duration since = report.monotonic - before.monotonic;
  if (since < Duration::zero() || since > kLongestBoot) return std::nullopt;
  const Duration late = (report.received - before.at) - since;
  if (late < -kAhead || late > kOldest) return std::nullopt;
  return late;
}

std::optional<Duration> LatenessByItsClock(const Report& report) {
  if (!Synchronised(report)) return std::nullopt;
  const Duration late = report.received - report.host_time - report.offset;
  if (late < -kInTime || late > kOldest) return std::nullopt;
  return late;
}

}  // namespace

Duration Lateness(const Report& report, const Anchor& before) {
  const std::optional<Duration> reckoned = LatenessByMonotonicClock(report, before);
  if (reckoned && *reckoned <= kInTime) return {};
  const std::optional<Duration> told = LatenessByItsClock(report);
  const Duration late = told ? *told : reckoned.value_or(Duration::zero());
  return late <= kInTime ? Duration::zero() : late;
}

}  // namespace fleetsync::db
