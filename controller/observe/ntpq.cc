#include <optional>
#include <string>

#include "agent/observe/parse_number.h"
#include "base/text.h"
#include "controller/observe/parsers.h"

namespace fleetsync::observe {
namespace {

constexpr Duration kMillisecond = std::chrono::milliseconds(1);
constexpr Duration kSecond = std::chrono::seconds(1);

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
