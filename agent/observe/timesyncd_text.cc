#include <optional>
#include <string>

#include "agent/observe/parse_number.h"
#include "agent/observe/text_parsers.h"
#include "base/text.h"

namespace fleetsync::observe {
namespace {

constexpr Duration kMicrosecond = std::chrono::microseconds(1);  // systemd's unit for a bare 0

// "10.9.0.1 (ntp1.example)": the address, or the name when that is all there is.
std::string ServerName(std::string_view value) {
  return std::string(value.substr(0, value.find(' ')));
}

Leap ParseLeap(std::string_view text) {
  if (text == "normal") return Leap::kNone;
  if (text.ends_with("61 seconds")) return Leap::kInsert;
  if (text.ends_with("59 seconds")) return Leap::kDelete;
  return Leap::kUnsynchronised;
}

struct Status {
  Source source;
  Leap leap = Leap::kUnsynchronised;
  int64_t packets = 0;
  std::optional<Duration> root_distance;
  std::optional<double> ppm;
  bool has_server = false;
};

void PutLine(std::string_view key, std::string_view value, Status& status) {
  Source& source = status.source;
  const std::string_view plain = Trim(value.substr(0, value.find('(')));
  if (key == "Server") {
    status.has_server = true;
    source.name = ServerName(value);
  } else if (key == "Poll interval") {
    if (const auto poll = ParseSpan(plain, kMicrosecond)) source.poll = Log2Seconds(*poll);
  } else if (key == "Leap") {
    status.leap = ParseLeap(value);
  } else if (key == "Stratum") {
    source.stratum = ParseStratum(value);
  } else if (key == "Reference") {
    source.reference_id = value;
  } else if (key == "Root distance") {
    status.root_distance = ParseSpan(plain, kMicrosecond);
  } else if (key == "Offset") {
    source.offset = ParseSpan(value, kMicrosecond);
  } else if (key == "Delay") {
    source.delay = ParseSpan(value, kMicrosecond);
  } else if (key == "Jitter") {
    source.jitter = ParseSpan(value, kMicrosecond);
  } else if (key == "Packet count") {
    status.packets = ParseInteger(value).value_or(0);
  } else if (key == "Frequency" && value.ends_with("ppm")) {
    status.ppm = ParseDouble(value.substr(0, value.size() - 3));
  }
}

}  // namespace

bool ParseTimesyncStatus(std::string_view text, DaemonState& state) {
  Status status;
  for (const std::string_view line : Split(text, '\n'))
    if (const size_t colon = line.find(':'); colon != std::string_view::npos)
      PutLine(Trim(line.substr(0, colon)), Trim(line.substr(colon + 1)), status);
  if (!status.has_server) return false;
  state.sources.clear();
  Source& source = status.source;
  if (status.packets > 0 && source.offset && status.leap != Leap::kUnsynchronised) {
    source.state = SourceState::kSelected;
    state.leap = status.leap;
    state.stratum = static_cast<uint8_t>(source.stratum < 15 ? source.stratum + 1 : 16);
    state.offset = source.offset;
    state.jitter = source.jitter;
    // The offset is from the last poll and has been slewed away since, by how much is not told.
    if (status.root_distance && source.delay && source.jitter)
      state.error_bound =
          *status.root_distance + *source.delay / 2 + *source.jitter + Abs(*source.offset);
  }
  if (status.ppm) state.frequency = Ppm{*status.ppm};
  if (!source.name.empty()) state.sources.push_back(std::move(source));
  return true;
}

bool ParseTimedatectl(std::string_view text, DaemonState& state) {
  for (const std::string_view line : Split(text, '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = Trim(line.substr(0, colon));
    if (key != "System clock synchronized" && key != "NTP synchronized") continue;
    const bool synchronised = Trim(line.substr(colon + 1)) == "yes";
    state.leap = synchronised ? Leap::kNone : Leap::kUnsynchronised;
    state.stratum = synchronised ? 0 : 16;
    return true;
  }
  return false;
}

}  // namespace fleetsync::observe
