#include <map>
#include <optional>
#include <string>

#include "base/text.h"
#include "controller/observe/parse_number.h"
#include "controller/observe/parsers.h"

namespace fleetsync::observe {
namespace {

constexpr Duration kMillisecond = std::chrono::milliseconds(1);
constexpr Duration kSecond = std::chrono::seconds(1);

// name=value, name="value, with commas": control(8)'s text form. Names without a value are left
// out.
std::map<std::string_view, std::string_view> Variables(std::string_view text) {
  std::map<std::string_view, std::string_view> variables;
  while (!text.empty()) {
    const size_t comma = text.find(','), equals = text.find('=');
    if (equals == std::string_view::npos) break;
    if (comma < equals) {
      text.remove_prefix(comma + 1);
      continue;
    }
    const std::string_view name = Trim(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    size_t end = text.find(',');
    if (text.starts_with('"')) {
      const size_t quote = text.find('"', 1);
      variables[name] = text.substr(1, quote == std::string_view::npos ? quote : quote - 1);
      end = quote == std::string_view::npos ? quote : text.find(',', quote);
    } else {
      variables[name] = Trim(text.substr(0, end));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return variables;
}

std::optional<Leap> ParseLeap(std::string_view bits) {
  if (bits == "00" || bits == "0") return Leap::kNone;
  if (bits == "01" || bits == "1") return Leap::kInsert;
  if (bits == "10" || bits == "2") return Leap::kDelete;
  if (bits == "11" || bits == "3") return Leap::kUnsynchronised;
  return std::nullopt;
}

// "ntpd 4.2.8p15@1.3728-o Wed Sep 23 …", "ntpd ntpsec-1.2.2".
void PutVersion(std::string_view text, DaemonState& state) {
  const std::vector<std::string_view> words = SplitWords(text);
  if (words.size() < 2) return;
  constexpr std::string_view kNtpsec = "ntpsec-";
  if (words[1].starts_with(kNtpsec)) {
    state.daemon = "ntpsec";
    state.version = words[1].substr(kNtpsec.size());
  } else {
    state.daemon = "ntp";
    state.version = words[1].substr(0, words[1].find('@'));
  }
}

SourceState ParseTally(char c) {
  switch (c) {
    case '*':
    case 'o':
      return SourceState::kSelected;
    case '+':
    case '#':
      return SourceState::kCandidate;
    case '-':
    case '.':
      return SourceState::kOutlier;
    case 'x':
      return SourceState::kFalseticker;
    default:
      return SourceState::kUnreachable;
  }
}

// The ten columns of a line without its tally code; the name is what is left of the last nine.
std::optional<Source> ParsePeer(char tally, std::string_view line) {
  const std::vector<std::string_view> words = SplitWords(line);
  if (words.size() < 10) return std::nullopt;
  const size_t first = words.size() - 9;  // refid
  const std::optional<uint8_t> reach = ParseReach(words[first + 5]);
  const std::optional<Duration> offset = ParseScaled(words[first + 7], kMillisecond);
  if (!reach || !offset) return std::nullopt;
  Source source;
  source.name = words[0];
  source.state = ParseTally(tally);
  source.reference_id = words[first];
  source.stratum = ParseStratum(words[first + 1]);
  source.reach = reach;
  if (const auto poll = ParseSpan(words[first + 4], kSecond)) source.poll = Log2Seconds(*poll);
  if (words[first + 3] != "-") source.last = ParseSpan(words[first + 3], kSecond);
  if (*reach == 0) return source;  // what the other columns hold then is not of now
  source.offset = offset;
  source.delay = ParseScaled(words[first + 6], kMillisecond);
  source.jitter = ParseScaled(words[first + 8], kMillisecond);
  return source;
}

}  // namespace

bool ParseNtpVariables(std::string_view text, DaemonState& state) {
  const auto variables = Variables(text);
  const auto value = [&variables](std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string_view() : found->second;
  };
  const std::optional<Leap> leap = ParseLeap(value("leap"));
  if (!leap || value("stratum").empty()) return false;
  PutVersion(value("version"), state);
  state.leap = *leap;
  state.stratum = ParseStratum(value("stratum"));
  state.root_delay = ParseScaled(value("rootdelay"), kMillisecond);
  state.root_dispersion = ParseScaled(value("rootdisp"), kMillisecond);
  if (!state.root_dispersion)  // before 4.2.6
    state.root_dispersion = ParseScaled(value("rootdispersion"), kMillisecond);
  if (const auto frequency = ParseDouble(value("frequency"))) state.frequency = Ppm{*frequency};
  if (!state.synchronised()) return true;
  state.offset = ParseScaled(value("offset"), kMillisecond);
  state.jitter = ParseScaled(value("sys_jitter"), kMillisecond);
  state.error_bound = RootDistance(state.root_delay, state.root_dispersion);
  return true;
}

bool ParseNtpPeers(std::string_view text, DaemonState& state) {
  bool heading = false;
  std::vector<Source> sources;
  std::string_view lone;  // a name too long for its column; the rest is on the next line
  for (const std::string_view line : Split(text, '\n')) {
    if (!heading) {
      const std::vector<std::string_view> words = SplitWords(line);
      heading = words.size() >= 2 && words[0] == "remote" && words[1] == "refid";
      continue;
    }
    if (line.empty() || line.starts_with('=')) continue;
    if (!lone.empty()) {
      const std::string joined = std::string(lone.substr(1)) + " " + std::string(line);
      if (auto source = ParsePeer(lone[0], joined)) sources.push_back(*std::move(source));
      lone = {};
    } else if (auto source = ParsePeer(line[0], line.substr(1))) {
      sources.push_back(*std::move(source));
    } else if (SplitWords(line.substr(1)).size() == 1) {
      lone = line;
    }
  }
  if (!heading) return false;
  state.sources = std::move(sources);
  // What the loop was told last may be from before it slewed the clock; the selected source's
  // sample is the newest there is.
  const Source* selected = state.Selected();
  if (selected != nullptr && selected->offset && state.synchronised())
    state.offset = selected->offset;
  return true;
}

}  // namespace fleetsync::observe
