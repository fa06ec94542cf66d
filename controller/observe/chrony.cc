#include <optional>
#include <string>

#include "agent/observe/parse_number.h"
#include "base/text.h"
#include "controller/observe/parsers.h"

namespace fleetsync::observe {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);

std::optional<Leap> ParseLeap(std::string_view text) {
  if (text == "Normal") return Leap::kNone;
  if (text == "Insert second") return Leap::kInsert;
  if (text == "Delete second") return Leap::kDelete;
  if (text == "Not synchronised") return Leap::kUnsynchronised;
  return std::nullopt;
}

constexpr std::string_view kLocalReference = "7F7F0101";  // 127.127.1.1

struct Tracking {
  std::optional<Leap> leap;
  uint8_t stratum = 16;
  bool own_clock = false;
  std::optional<Duration> slow;    // how far the clock is behind
  std::optional<double> fast_ppm;  // how much too fast it would run uncorrected
  std::optional<Duration> root_delay, root_dispersion, rms_offset;
};

bool Put(const Tracking& tracking, DaemonState& state) {
  if (!tracking.leap || !tracking.slow) return false;
  state.leap = *tracking.leap;
  if (tracking.fast_ppm) state.frequency = Ppm{0.0 - *tracking.fast_ppm};  // not -0
  if (state.leap == Leap::kUnsynchronised) return true;  // the rest is what it was set to at start
  state.stratum = tracking.stratum;
  state.own_clock = tracking.own_clock;
  state.offset = tracking.slow;
  state.root_delay = tracking.root_delay;
  state.root_dispersion = tracking.root_dispersion;
  state.jitter = tracking.rms_offset;
  state.error_bound = RootDistance(tracking.root_delay, tracking.root_dispersion);
  return true;
}

bool ParseTrackingCsv(std::string_view line, DaemonState& state) {
  const std::vector<std::string_view> field = Split(line, ',');
  if (field.size() < 14) return false;
  return Put({.leap = ParseLeap(Trim(field[13])),
              .stratum = ParseStratum(field[2]),
              .own_clock = field[0] == kLocalReference,
              .slow = ParseScaled(field[4], kSecond),
              .fast_ppm = ParseDouble(field[7]),
              .root_delay = ParseScaled(field[10], kSecond),
              .root_dispersion = ParseScaled(field[11], kSecond),
              .rms_offset = ParseScaled(field[6], kSecond)},
             state);
}

// "0.018823991 seconds slow of NTP time", "9.902 ppm fast": 1 when `positive` follows the number.
std::optional<int> Side(std::string_view text, std::string_view positive,
                        std::string_view negative) {
  const std::vector<std::string_view> words = SplitWords(text);
  if (words.size() < 3) return std::nullopt;
  if (words[2] == positive) return 1;
  if (words[2] == negative) return -1;
  return std::nullopt;
}

bool ParseTrackingText(std::string_view text, DaemonState& state) {
  Tracking tracking;
  for (const std::string_view line : Split(text, '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = Trim(line.substr(0, colon));
    const std::string_view value = Trim(line.substr(colon + 1));
    const std::string_view number = value.substr(0, value.find(' '));
    if (key == "Reference ID") tracking.own_clock = number == kLocalReference;
    if (key == "Stratum") tracking.stratum = ParseStratum(value);
    if (key == "System time") {
      const std::optional<int> side = Side(value, "slow", "fast");
      const std::optional<Duration> size = ParseScaled(number, kSecond);
      if (side && size) tracking.slow = *size * *side;
    }
    if (key == "Frequency") {
      const std::optional<int> side = Side(value, "fast", "slow");
      const std::optional<double> size = ParseDouble(number);
      if (side && size) tracking.fast_ppm = *size * *side;
    }
    if (key == "RMS offset") tracking.rms_offset = ParseScaled(number, kSecond);
    if (key == "Root delay") tracking.root_delay = ParseScaled(number, kSecond);
    if (key == "Root dispersion") tracking.root_dispersion = ParseScaled(number, kSecond);
    if (key == "Leap status") tracking.leap = ParseLeap(value);
  }
  return Put(tracking, state);
}

std::optional<SourceState> ParseState(char c) {
  switch (c) {
    case '*':
      return SourceState::kSelected;
    case '+':
      return SourceState::kCandidate;
    case '-':
    case '~':
      return SourceState::kOutlier;
    case 'x':
      return SourceState::kFalseticker;
    case '?':
    case ' ':
      return SourceState::kUnreachable;
    default:
      return std::nullopt;
  }
}

bool IsMode(char c) { return c == '^' || c == '=' || c == '#'; }

// What both forms tell of a source that has been measured at least once.
void PutMeasurement(std::optional<Duration> ahead, std::optional<Duration> error,
                    std::optional<Duration> last, const DaemonState& state, Source& source) {
  if (!last) return;
  source.last = last;
  if (ahead) source.offset = state.offset.value_or(Duration::zero()) - *ahead;
  source.error_bound = error;
}

std::optional<Source> ParseSourceCsv(std::string_view line, const DaemonState& state) {
  const std::vector<std::string_view> field = Split(line, ',');
  if (field.size() < 10 || field[0].size() != 1 || !IsMode(field[0][0]) || field[1].size() > 1)
    return std::nullopt;
  const std::optional<SourceState> source_state = ParseState(field[1].empty() ? ' ' : field[1][0]);
  const std::optional<uint8_t> reach = ParseReach(field[5]);
  if (!source_state || !reach || field[2].empty()) return std::nullopt;
  Source source;
  source.name = field[2];
  source.state = *source_state;
  source.stratum = ParseStratum(field[3]);
  source.reach = reach;
  if (const auto poll = ParseInteger(field[4]); poll && *poll >= -32 && *poll <= 32)
    source.poll = static_cast<int>(*poll);
  constexpr std::string_view kNever = "4294967295";
  PutMeasurement(ParseScaled(field[7], kSecond), ParseScaled(field[9], kSecond),
                 field[6] == kNever ? std::nullopt : ParseScaled(field[6], kSecond), state, source);
  return source;
}

// "^* fd00:9::1   2   4   177     5   -408ns[ +642ns] +/-   16us"
std::optional<Source> ParseSourceText(std::string_view line, const DaemonState& state) {
  if (line.size() < 3 || !IsMode(line[0]) || line[2] != ' ') return std::nullopt;
  const std::optional<SourceState> source_state = ParseState(line[1]);
  const std::vector<std::string_view> words = SplitWords(line.substr(2));
  if (!source_state || words.size() < 6) return std::nullopt;
  const std::optional<uint8_t> reach = ParseReach(words[3]);
  if (!reach) return std::nullopt;
  Source source;
  source.name = words[0];
  source.state = *source_state;
  source.stratum = ParseStratum(words[1]);
  source.reach = reach;
  if (const auto poll = ParseInteger(words[2]); poll && *poll >= -32 && *poll <= 32)
    source.poll = static_cast<int>(*poll);
  const size_t plus_minus = line.find("+/-");
  if (plus_minus == std::string_view::npos) return source;
  PutMeasurement(ParseSpan(words[5].substr(0, words[5].find('[')), kSecond),
                 ParseSpan(line.substr(plus_minus + 3), kSecond),
                 words[4] == "-" ? std::nullopt : ParseSpan(words[4], kSecond), state, source);
  return source;
}

}  // namespace

bool ParseChronyTracking(std::string_view text, DaemonState& state) {
  for (const std::string_view line : Split(text, '\n'))
    if (ParseTrackingCsv(line, state)) return true;
  return ParseTrackingText(text, state);
}

bool ParseChronySources(std::string_view text, DaemonState& state) {
  std::vector<Source> sources;
  bool heading = false;  // a daemon without sources prints the heading alone
  for (const std::string_view line : Split(text, '\n')) {
    heading = heading || line.starts_with("MS Name/IP address");
    std::optional<Source> source = ParseSourceCsv(line, state);
    if (!source) source = ParseSourceText(line, state);
    if (source) sources.push_back(*std::move(source));
  }
  if (sources.empty() && !heading) return false;
  state.sources = std::move(sources);
  return true;
}

}  // namespace fleetsync::observe
