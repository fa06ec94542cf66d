#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fleetsync::status {

// What a host's clock is known to be, worst first: the order in which hosts are listed.
enum class State : uint8_t {
  kOff,             // |offset| + bound is beyond the host's tolerance
  kUnsynchronised,  // says itself that it follows nothing: stratum 16, leap 3
  kContradicted,    // its word and the controller's own measurement cannot both be true
  kFalseticker,     // follows a source that the other hosts, or it itself, call false
  kStale,           // the last report is too old to believe
  kUnreachable,     // could not be asked (--live)
  kSilent,          // never reported
  kFreeRunning,     // no source is reachable; the clock is known from before and in tolerance
  kConverging,      // follows a source, but started or was stepped just now, or is on its way there
  kSynced,
};
inline constexpr auto kStates = std::to_array<State>(
    {State::kOff, State::kUnsynchronised, State::kContradicted, State::kFalseticker, State::kStale,
     State::kUnreachable, State::kSilent, State::kFreeRunning, State::kConverging, State::kSynced});

std::string_view ToString(State state);  // "off", "unsynchronised", "free-running", …
std::optional<State> StateNamed(std::string_view name);

// One column, so that no state is told by colour alone.
std::string_view SymbolOf(State state);

// What is to be seen beside the state, whatever that is.
struct Marks {
  bool stepped = false;  // the clock was set within the last minutes
  bool falseticker = false;
  bool contradicted = false;
  bool free_running = false;

  bool any() const { return stepped || falseticker || contradicted || free_running; }
  bool operator==(const Marks&) const = default;
};
// "▲≠": a column for each mark that is set; empty for none.
std::string MarksText(const Marks& marks);

}  // namespace fleetsync::status
