#include "controller/sync/clock_reading.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace fleetsync::sync {
namespace {

// dash has no clock of its own, so the script starts itself again under bash where that is; the
// argument keeps it from doing so twice.
constexpr std::string_view kClockScript = R"sh(
LC_ALL=C; export LC_ALL
PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH
if [ -n "$EPOCHREALTIME" ]; then
  source=shell
elif [ "$1" != again ] && command -v bash >/dev/null 2>&1; then
  exec bash -c "$0" "$0" again
else
  case $(date +%N 2>/dev/null) in
    *[!0-9]*|'') source=seconds ;;
    *) source=date ;;
  esac
  if [ $source = seconds ] && busybox adjtimex >/dev/null 2>&1; then source=adjtimex; fi
fi
read_adjtimex() {
  seconds= micro= status=0
  set -- $(busybox adjtimex 2>/dev/null)
  while [ $# -gt 1 ]; do
    case $1 in
      time.tv_sec:) seconds=$2 ;;
      time.tv_usec:) micro=$2 ;;
      status:) status=$2 ;;
    esac
    shift
  done
  [ $((status & 8192)) = 0 ] || micro=$((micro / 1000))
  micro=00000$micro
  reading=$seconds.${micro#"${micro%??????}"}
}
echo "fleetsync-clock $source"
while read -r number; do
  case $source in
    shell) reading=$EPOCHREALTIME ;;
    date) reading=$(date +%s.%N) ;;
    adjtimex) read_adjtimex ;;
    *) reading=$(date +%s) ;;
  esac
  echo "$number $reading"
done
)sh";

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr int64_t kMaxSeconds = 9'000'000'000;  // year 2255: what 64 bits of nanoseconds hold
constexpr size_t kMaxDigits = 9;

template <typename T>
bool ParseWhole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::string ClockCommand() {
  const std::string script = ShellQuote(kClockScript);
  return "sh -c " + script + " " + script;
}

std::optional<ClockReading> ParseClockReading(std::string_view line) {
  const auto words = SplitWords(line);
  ClockReading reading;
  if (words.size() != 2 || !ParseWhole(words[0], reading.number)) return std::nullopt;
  const size_t point = std::min(words[1].find_first_of(".,"), words[1].size());
  int64_t seconds = 0;
  if (!ParseWhole(words[1].substr(0, point), seconds)) return std::nullopt;
  if (seconds < 0 || seconds > kMaxSeconds) return std::nullopt;

  std::string_view digits = words[1].substr(std::min(point + 1, words[1].size()));
  if (digits.size() > kMaxDigits) digits = digits.substr(0, kMaxDigits);
  int64_t fraction = 0, unit = kNanosecondsPerSecond;
  if (!digits.empty() && !ParseWhole(digits, fraction)) return std::nullopt;
  if (fraction < 0) return std::nullopt;
  for (size_t i = 0; i < digits.size(); ++i) unit /= 10;
  reading.earliest = SystemTime(Duration(seconds * kNanosecondsPerSecond + fraction * unit));
  reading.latest = reading.earliest + Duration(unit);
  return reading;
}

}  // namespace fleetsync::sync
