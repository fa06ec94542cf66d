#include <optional>
#include <string>

#include "agent/observe/parse_number.h"
#include "agent/observe/text_parsers.h"
#include "base/text.h"

namespace fleetsync::observe {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);

// "3/4 peers valid, 1/1 sensors valid, clock synced, stratum 3" or
// "…, clock unsynced, clock offset is 6.920ms".
bool PutHeadline(std::string_view line, DaemonState& state) {
  bool known = false, synced = false;
  uint8_t stratum = 16;
  std::optional<Duration> to_slew;
  for (std::string_view part : Split(line, ',')) {
    part = Trim(part);
    constexpr std::string_view kStratum = "stratum ", kOffset = "clock offset is ";
    if (part == "clock synced" || part == "clock unsynced") {
      known = true;
      synced = part == "clock synced";
    }
    if (part.starts_with(kStratum)) stratum = ParseStratum(part.substr(kStratum.size()));
    if (part.starts_with(kOffset)) to_slew = ParseSpan(part.substr(kOffset.size()), kSecond);
  }
  if (!known) return false;
  state.leap = synced ? Leap::kNone : Leap::kUnsynchronised;
  state.stratum = synced ? stratum : uint8_t{16};
  state.offset = to_slew;
  return true;
}

// " *  1 10  2    2s   32s        -0.822ms     0.051ms     0.033ms", or without the last three
// "---- peer not valid ----".
std::optional<Source> ParsePeer(std::string_view name, std::string_view line) {
  if (line.size() < 3 || line[0] != ' ') return std::nullopt;
  const bool selected = line[1] == '*';
  const std::vector<std::string_view> words = SplitWords(line.substr(2));
  if (words.size() < 5 || !ParseInteger(words[0]) || !ParseInteger(words[1])) return std::nullopt;
  Source source;
  source.name = name;
  source.stratum = ParseStratum(words[2]);
  if (const auto poll = ParseSpan(words[4], kSecond)) source.poll = Log2Seconds(*poll);
  if (words.size() < 8 || words[5] == "----") return source;
  source.offset = ParseSpan(words[5], kSecond);
  if (!source.offset) return source;
  source.state = selected ? SourceState::kSelected : SourceState::kCandidate;
  source.delay = ParseSpan(words[6], kSecond);
  source.jitter = ParseSpan(words[7], kSecond);
  return source;
}

}  // namespace

bool ParseOpenntpd(std::string_view text, DaemonState& state) {
  const std::vector<std::string_view> lines = Split(text, '\n');
  size_t i = 0;
  while (i < lines.size() && !PutHeadline(lines[i], state)) ++i;
  if (i == lines.size()) return false;
  state.sources.clear();
  std::string_view name;
  bool peers = false;
  for (++i; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    if (line == "peer" || line == "sensor") peers = line == "peer";
    if (!peers || line.empty()) continue;
    if (line[0] != ' ') {
      name = line.substr(0, line.find(' '));
    } else if (auto source = ParsePeer(name, line)) {
      // It shows offsets as they will be once adjtime(2) has done what it was told.
      if (source->offset && state.offset) *source->offset += *state.offset;
      state.sources.push_back(*std::move(source));
    }
  }
  const Source* selected = state.Selected();
  if (selected != nullptr && selected->offset) {
    state.offset = selected->offset;
    state.jitter = selected->jitter;
  }
  return true;
}

}  // namespace fleetsync::observe
