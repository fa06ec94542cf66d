#include "agent/clock/tai_offset.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/file.h"
#include "base/text.h"

namespace fleetsync {
namespace {

using std::chrono::seconds;

constexpr size_t kLargestList = 256 * 1024;
constexpr seconds kNtpEra{2'208'988'800};  // from 1900 to 1970
constexpr int kAtFirst = 10;               // when UTC got whole seconds, in 1972
constexpr SystemTime kFirst{seconds(63'072'000)};

constexpr std::array<const char*, 2> kPaths = {"/usr/share/zoneinfo/leap-seconds.list",
                                               "/usr/share/zoneinfo/leapseconds"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  // Beyond it nanoseconds overflow.
  if (value < 0 || value > 9'000'000'000) return std::nullopt;
  return value;
}

std::optional<SystemTime> NtpSeconds(std::string_view text) {
  const std::optional<int64_t> value = Number(text);
  if (!value) return std::nullopt;
  return SystemTime(seconds(*value) - kNtpEra);
}

// The end of a day such as "1972 Jun 30".
std::optional<SystemTime> EndOfDay(std::string_view year, std::string_view month,
                                   std::string_view day) {
  const auto name = std::find(kMonths.begin(), kMonths.end(), month);
  const std::optional<int64_t> y = Number(year);
  const std::optional<int64_t> d = Number(day);
  if (name == kMonths.end() || !y || *y > 2200 || !d || *d > 31) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year(static_cast<int>(*y)),
      std::chrono::month(static_cast<unsigned>(name - kMonths.begin() + 1)),
      std::chrono::day(static_cast<unsigned>(*d))};
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date) + std::chrono::days(1);
  return SystemTime(seconds(days.time_since_epoch()));
}

}  // namespace

StatusOr<TaiTable> TaiTable::Parse(std::string_view text) {
  TaiTable table;
  std::optional<SystemTime> expires;
  for (const std::string_view line : Split(text, '\n')) {
    const std::vector<std::string_view> words = SplitWords(line);
    if (words.size() < 2) continue;
    if (words[0] == "#@") {  // leap-seconds.list
      expires = NtpSeconds(words[1]);
    } else if (words[0] == "#expires") {  // leapseconds
      if (const auto value = Number(words[1])) expires = SystemTime(seconds(*value));
    } else if (words[0] == "Leap" && words.size() >= 6) {
      const auto from = EndOfDay(words[1], words[2], words[3]);
      if (!from) return absl::InvalidArgumentError("a leap second of no day");
      const int before = table.changes_.empty() ? kAtFirst : table.changes_.back().seconds;
      if (table.changes_.empty()) table.changes_.push_back({kFirst, kAtFirst});
      table.changes_.push_back({*from, before + (words[5] == "-" ? -1 : 1)});
    } else if (!words[0].starts_with('#')) {
      const auto from = NtpSeconds(words[0]);
      const std::optional<int64_t> value = Number(words[1]);
      if (!from || !value || *value > 1000) continue;
      table.changes_.push_back({*from, static_cast<int>(*value)});
    }
  }
  if (table.changes_.empty() || !expires) {
    return absl::InvalidArgumentError("no list of leap seconds, or one without an end");
  }
  table.expires_ = *expires;
  return table;
}

std::optional<int> TaiTable::At(SystemTime utc) const {
  if (utc >= expires_) return std::nullopt;
  std::optional<int> offset;
  for (const Change& change : changes_) {
    if (change.from <= utc) offset = change.seconds;
  }
  return offset;
}

std::optional<TaiTable> LoadTaiTable() {
  for (const char* path : kPaths) {
    const auto text = ReadFile(path, kLargestList);
    if (!text.ok()) continue;
    auto table = TaiTable::Parse(*text);
    if (table.ok()) return *std::move(table);
  }
  return std::nullopt;
}

}  // namespace fleetsync
