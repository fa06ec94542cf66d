#include "agent/observe/parse_number.h"

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace fleetsync::observe {
namespace {

// 63 years: more than an offset from 1970, and four of them can be added without overflow.
constexpr Duration kLongest = std::chrono::seconds(2'000'000'000);

// std::from_chars knows no '+'.
std::string_view WithoutPlus(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

std::optional<Duration> Scale(double number, double unit_ns) {
  const double ns = number * unit_ns;
  if (!std::isfinite(ns) || std::abs(ns) > static_cast<double>(kLongest.count()))
    return std::nullopt;
  return Duration(static_cast<int64_t>(std::llround(ns)));
}

// systemd's, chronyc's and ntpq's words for units.
std::optional<double> UnitNanoseconds(std::string_view unit) {
  if (unit == "ns") return 1;
  if (unit == "us" || unit == "µs" || unit == "μs") return 1e3;
  if (unit == "ms") return 1e6;
  if (unit == "s") return 1e9;
  if (unit == "m" || unit == "min") return 60e9;
  if (unit == "h") return 3600e9;
  if (unit == "d" || unit == "day" || unit == "days") return 86400e9;
  if (unit == "w" || unit == "week" || unit == "weeks") return 7 * 86400e9;
  if (unit == "month" || unit == "months") return 30.44 * 86400e9;
  if (unit == "y" || unit == "year" || unit == "years") return 365.25 * 86400e9;
  return std::nullopt;
}

}  // namespace

std::optional<double> ParseDouble(std::string_view text) {
  text = WithoutPlus(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<int64_t> ParseInteger(std::string_view text, int base) {
  text = WithoutPlus(text);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Duration> ParseScaled(std::string_view text, Duration unit) {
  const std::optional<double> number = ParseDouble(text);
  if (!number) return std::nullopt;
  return Scale(*number, static_cast<double>(unit.count()));
}

std::optional<Duration> SecondsDuration(double seconds) { return Scale(seconds, 1e9); }

std::optional<Duration> ParseSpan(std::string_view text, Duration bare) {
  text = Trim(text);
  const bool negative = text.starts_with('-');
  text = WithoutPlus(text.substr(negative ? 1 : 0));
  Duration sum{};
  bool any = false;
  for (; !text.empty(); text = Trim(text)) {
    const size_t digits = text.find_first_not_of("0123456789.");
    const std::optional<double> number = ParseDouble(text.substr(0, digits));
    if (!number) return std::nullopt;
    text = Trim(text.substr(std::min(digits, text.size())));
    const std::string_view unit = text.substr(0, text.find_first_of("0123456789 \t"));
    text.remove_prefix(unit.size());
    const std::optional<double> ns =
        unit.empty() ? static_cast<double>(bare.count()) : UnitNanoseconds(unit);
    const std::optional<Duration> part = ns ? Scale(*number, *ns) : std::nullopt;
    if (!part || sum + *part > kLongest) return std::nullopt;
    sum += *part;
    any = true;
  }
  if (!any) return std::nullopt;
  return negative ? -sum : sum;
}

std::optional<int> Log2Seconds(Duration interval) {
  if (interval <= Duration::zero()) return std::nullopt;
  return static_cast<int>(std::lround(std::log2(ToSeconds(interval))));
}

std::optional<uint8_t> ParseReach(std::string_view text) {
  const std::optional<int64_t> value = ParseInteger(text, 8);
  if (!value || *value < 0 || *value > 0377) return std::nullopt;
  return static_cast<uint8_t>(*value);
}

uint8_t ParseStratum(std::string_view text) {
  const int64_t value = ParseInteger(text).value_or(16);
  return static_cast<uint8_t>(value >= 1 && value <= 15 ? value : 16);
}

std::optional<Duration> RootDistance(std::optional<Duration> delay,
                                     std::optional<Duration> dispersion) {
  if (!delay || !dispersion) return std::nullopt;
  return *dispersion + Abs(*delay) / 2;
}

}  // namespace fleetsync::observe
