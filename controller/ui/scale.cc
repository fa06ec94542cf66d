#include "controller/ui/scale.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::ui {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto kSteps = std::to_array<Duration>(
    {seconds(1), seconds(5), seconds(15), minutes(1), minutes(5), minutes(15), minutes(30),
     hours(1), hours(3), hours(6), hours(12), hours(24), hours(2 * 24), hours(7 * 24),
     hours(14 * 24), hours(28 * 24), hours(91 * 24), hours(364 * 24), hours(3640 * 24)});

struct Unit {
  int64_t nanoseconds;
  std::string_view name;
};
constexpr auto kUnits =
    std::to_array<Unit>({{1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}, {1, "ns"}});

std::string LabelOf(SystemTime at, Duration step, bool first_of_day) {
  const std::string time = FormatTime(at);  // 2026-05-23T11:34:10Z
  if (step >= hours(24)) return time.substr(5, 5);
  const std::string clock = time.substr(11, step < minutes(1) ? 8 : 5);
  return first_of_day ? fmt::format("{} {}", time.substr(5, 5), clock) : clock;
}

}  // namespace

SymlogScale::SymlogScale(Duration low, Duration high, Duration linear)
    : low_(low), high_(high), linear_(linear) {
  from_ = Transform(low);
  width_ = Transform(high) - from_;
}

double SymlogScale::Transform(Duration value) const {
  const double ratio = ToSeconds(value) / ToSeconds(linear_);
  return std::copysign(std::log10(1 + std::abs(ratio)), ratio);
}

double SymlogScale::Position(Duration value) const {
  return std::clamp((Transform(value) - from_) / width_, 0.0, 1.0);
}

std::vector<Duration> SymlogScale::Ticks(size_t most) const {
  std::vector<Duration> ticks;
  if (most == 0) return ticks;
  const double gap = 1.0 / static_cast<double>(most);
  if (low_ <= Duration::zero() && high_ >= Duration::zero()) ticks.push_back(Duration::zero());
  // Outwards from zero, so that both sides have the same.
  const Duration reach = std::max(Abs(low_), Abs(high_));
  double last = 0;
  for (Duration tick = std::max(linear_, Duration(1)); tick <= reach; tick *= 10) {
    const double distance = Transform(tick) / width_;
    if (distance - last < gap) continue;
    last = distance;
    if (tick <= high_) ticks.push_back(tick);
    if (-tick >= low_) ticks.push_back(-tick);
  }
  std::sort(ticks.begin(), ticks.end());
  return ticks;
}

std::string TickLabel(Duration value) {
  const int64_t ns = value.count();
  if (ns == 0) return "0";
  for (const Unit& unit : kUnits)
    if (std::abs(ns) >= unit.nanoseconds)
      return fmt::format(
          "{:+g} {}", static_cast<double>(ns) / static_cast<double>(unit.nanoseconds), unit.name);
  return {};
}

std::vector<TimeTick> TimeTicks(SystemTime since, SystemTime until, size_t most) {
  std::vector<TimeTick> ticks;
  if (most == 0 || until <= since) return ticks;
  const Duration wanted = (until - since) / static_cast<int64_t>(most);
  const auto* step =
      std::find_if(kSteps.begin(), kSteps.end(), [wanted](Duration s) { return s >= wanted; });
  if (step == kSteps.end()) --step;
  const auto count = (since.time_since_epoch() + *step - Duration(1)) / *step;
  std::string day;
  for (SystemTime at(*step * count); at <= until && ticks.size() < most; at += *step) {
    const std::string this_day = FormatTime(at).substr(0, 10);
    ticks.push_back({.at = at, .label = LabelOf(at, *step, this_day != day)});
    day = this_day;
  }
  return ticks;
}

}  // namespace fleetsync::ui
