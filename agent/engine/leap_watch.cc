#include "agent/engine/leap_watch.h"

#include <algorithm>
#include <chrono>

namespace fleetsync::ntp {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);
constexpr Duration kAmbiguous = std::chrono::seconds(5);

Duration ShiftOf(Leap leap) { return leap == Leap::kInsert ? -kSecond : kSecond; }

}  // namespace

std::optional<SystemTime> EndOfMonthToday(SystemTime t) {
  const auto day = std::chrono::floor<std::chrono::days>(t.time_since_epoch());
  const std::chrono::sys_days today(day);
  const std::chrono::sys_days tomorrow = today + std::chrono::days(1);
  if (std::chrono::year_month_day(tomorrow).day() != std::chrono::day(1)) return std::nullopt;
  return SystemTime(tomorrow.time_since_epoch());
}

bool LeapWatch::OnVotes(SystemTime now, std::span<const Leap> votes) {
  const auto count = [&](Leap leap) {
    return static_cast<size_t>(std::count(votes.begin(), votes.end(), leap));
  };
  Leap wanted = Leap::kNone;
  for (const Leap leap : {Leap::kInsert, Leap::kDelete})
    if (2 * count(leap) > votes.size()) wanted = leap;
  const std::optional<SystemTime> end = EndOfMonthToday(now);
  if (!end) wanted = Leap::kNone;
  if (wanted == announced_) return false;
  announced_ = wanted;
  at_ = end;
  return true;
}

Duration LeapWatch::Cross(SystemTime now) {
  if (announced_ == Leap::kNone || now < *at_) return {};
  const Duration shift = ShiftOf(announced_);
  announced_ = Leap::kNone;
  return shift;
}

bool LeapWatch::IsAmbiguous(SystemTime now) const { return at_ && Abs(now - *at_) < kAmbiguous; }

}  // namespace fleetsync::ntp
