#include "base/time_text.h"

#include <time.h>

#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync {
namespace {

using std::chrono::duration_cast;

struct Unit {
  std::string_view name;
  double nanoseconds;
};
constexpr Unit kUnits[] = {{"ns", 1},   {"us", 1e3},   {"µs", 1e3},   {"ms", 1e6},   {"s", 1e9},
                           {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}};

std::string Long(Duration d) {
  const auto seconds = duration_cast<std::chrono::seconds>(d).count();
  const auto days = seconds / 86400, hours = seconds / 3600 % 24;
  const auto minutes = seconds / 60 % 60;
  if (days > 0) return fmt::format("{}d {:02}h {:02}m", days, hours, minutes);
  if (hours > 0) return fmt::format("{}h {:02}m {:02}s", hours, minutes, seconds % 60);
  return fmt::format("{}m {:02}s", minutes, seconds % 60);
}

std::string Magnitude(Duration d) {
  if (d >= std::chrono::minutes(1)) return Long(d);
  const auto ns = static_cast<double>(d.count());
  const auto scaled = [](double value, std::string_view unit) {
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f} {}", value, decimals, unit);
  };
  if (ns < 999.5) return fmt::format("{:.0f} ns", ns);
  if (ns < 999.5e3) return scaled(ns / 1e3, "us");
  if (ns < 999.5e6) return scaled(ns / 1e6, "ms");
  return scaled(ns / 1e9, "s");
}

}  // namespace

std::string FormatDuration(Duration d) {
  return (d < Duration::zero() ? "-" : "") + Magnitude(Abs(d));
}

std::string FormatSigned(Duration d) {
  return (d < Duration::zero() ? "-" : "+") + Magnitude(Abs(d));
}

StatusOr<Duration> ParseDuration(std::string_view text) {
  const std::string trimmed(Trim(text));
  char* end = nullptr;
  const double number = std::strtod(trimmed.c_str(), &end);
  const std::string_view unit = Trim(end);
  const bool has_number = end != trimmed.c_str() && std::isfinite(number);
  if (has_number && number == 0 && unit.empty()) return Duration::zero();
  if (has_number) {
    for (const Unit& known : kUnits) {
      if (known.name != unit) continue;
      const double ns = number * known.nanoseconds;
      if (std::abs(ns) < 9.2e18) return Duration(static_cast<int64_t>(std::llround(ns)));
    }
  }
  return absl::InvalidArgumentError(
      fmt::format("'{}' is not a duration; write a number and a unit (ns, us, ms, s, m, h, d), "
                  "such as 10ms",
                  Printable(text)));
}

std::string FormatTime(SystemTime t) {
  const time_t seconds = std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()).count();
  tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace fleetsync
