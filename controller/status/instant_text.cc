#include "controller/status/instant_text.h"

#include <charconv>
#include <chrono>
#include <optional>

#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

// `digits` of them at `at`, and `after` behind unless that is 0; moves `at` past both.
std::optional<int> Number(std::string_view text, size_t& at, size_t digits, char after) {
  int value = 0;
  if (at + digits > text.size()) return std::nullopt;
  const char* const from = text.data() + at;
  const auto [end, error] = std::from_chars(from, from + digits, value);
  if (error != std::errc() || end != from + digits || *from == '-') return std::nullopt;
  at += digits;
  if (after != 0 && (at >= text.size() || text[at++] != after)) return std::nullopt;
  return value;
}

std::optional<SystemTime> ParseDate(std::string_view text, size_t& at) {
  const auto year = Number(text, at, 4, '-');
  const auto month = year ? Number(text, at, 2, '-') : std::nullopt;
  const auto day = month ? Number(text, at, 2, 0) : std::nullopt;
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return SystemTime(std::chrono::sys_days(date).time_since_epoch());
}

// "11:34" or "11:34:10"
std::optional<Duration> ParseClock(std::string_view text, size_t& at) {
  const auto hour = Number(text, at, 2, ':');
  const auto minute = hour ? Number(text, at, 2, 0) : std::nullopt;
  if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
  int second = 0;
  if (at < text.size() && text[at] == ':') {
    const auto given = Number(text, ++at, 2, 0);
    if (!given || *given > 59) return std::nullopt;
    second = *given;
  }
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(second);
}

std::optional<SystemTime> ParseCalendar(std::string_view text) {
  size_t at = 0;
  std::optional<SystemTime> instant = ParseDate(text, at);
  if (!instant || at == text.size()) return instant;
  if (text[at] != 'T' && text[at] != ' ') return std::nullopt;
  const std::optional<Duration> clock = ParseClock(text, ++at);
  if (!clock) return std::nullopt;
  if (at < text.size() && text[at] == 'Z') ++at;
  return at == text.size() ? std::optional(*instant + *clock) : std::nullopt;
}

}  // namespace

StatusOr<SystemTime> ParseInstant(std::string_view text, SystemTime now) {
  const std::string_view trimmed = Trim(text);
  if (trimmed == "now") return now;
  if (const std::optional<SystemTime> instant = ParseCalendar(trimmed)) return *instant;
  if (const StatusOr<Duration> ago = ParseDuration(trimmed); ago.ok() && *ago >= Duration::zero())
    return now - *ago;
  return absl::InvalidArgumentError(fmt::format(
      "'{}' is no time; write 7d for so long ago, or 2026-05-23T11:34 in UTC", Printable(text)));
}

}  // namespace fleetsync::status
