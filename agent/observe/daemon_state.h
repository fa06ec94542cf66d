#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace fleetsync::observe {

enum class SourceState : uint8_t {
  kSelected,     // chronyc '*'; ntpq '*', 'o'
  kCandidate,    // chronyc '+'; ntpq '+', '#'
  kOutlier,      // chronyc '-', '~'; ntpq '-', '.'
  kFalseticker,  // 'x'
  kUnreachable,  // chronyc '?'; ntpq ' '
};
std::string_view ToString(SourceState state);  // "selected", "candidate", …
char Tally(SourceState state);                 // '*', '+', '-', 'x', '?'

// One of a daemon's sources. Unset: the daemon does not tell, or has not measured it yet.
struct Source {
  std::string name;            // address or name, as the daemon shows it
  std::string address{};       // where it is told beside a name
  std::string reference_id{};  // empty: not told
  SourceState state = SourceState::kUnreachable;
  uint8_t stratum = 16;
  std::optional<uint8_t> reach{};    // shift register of the last eight polls
  std::optional<int> poll{};         // log2 seconds
  std::optional<Duration> last{};    // since its last measurement
  std::optional<Duration> offset{};  // of the source from the host's clock
  std::optional<Duration> delay{}, jitter{};
  std::optional<Duration> error_bound{};  // of `offset`
};

enum class Leap : uint8_t { kNone = 0, kInsert = 1, kDelete = 2, kUnsynchronised = 3 };

// What a host's time daemon says of itself. Nothing in it is checked.
struct DaemonState {
  std::string daemon;     // "chrony", "ntp", "ntpsec", "openntpd", "timesyncd", "busybox-ntpd",
                          // "agent"; empty: none runs
  std::string version;    // empty: not told
  bool answered = false;  // false: it runs, but could not be asked
  std::string trouble;    // what was said instead of an answer, one line
  uint8_t stratum = 16;   // the host's own; 0: it is synchronised, but does not tell
  Leap leap = Leap::kUnsynchronised;
  std::optional<Duration> offset;       // of the reference from the host's clock
  std::optional<Duration> error_bound;  // |true offset - offset| is at most this, says the daemon
  std::optional<Duration> root_delay, root_dispersion, jitter;
  std::optional<Ppm> frequency;  // correction that is applied to the clock
  bool own_clock = false;        // it serves its own clock: a local reference, no source
  std::vector<Source> sources;

  bool synchronised() const { return leap != Leap::kUnsynchronised && stratum < 16; }
  const Source* Selected() const;  // null when none is
};

}  // namespace fleetsync::observe
