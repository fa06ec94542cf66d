#include "controller/status/state.h"

#include <algorithm>
#include <cstddef>

namespace fleetsync::status {
namespace {

struct Names {
  std::string_view name, symbol;
};
// In the order of State.
constexpr auto kNames = std::to_array<Names>({{"off", "✗"},
                                              {"unsynchronised", "!"},
                                              {"contradicted", "≠"},
                                              {"falseticker", "◆"},
                                              {"stale", "?"},
                                              {"unreachable", "?"},
                                              {"silent", "?"},
                                              {"free-running", "◇"},
                                              {"converging", "◐"},
                                              {"synced", "✓"}});
static_assert(kNames.size() == kStates.size());

}  // namespace

std::string_view ToString(State state) { return kNames[static_cast<size_t>(state)].name; }

std::string_view SymbolOf(State state) { return kNames[static_cast<size_t>(state)].symbol; }

std::optional<State> StateNamed(std::string_view name) {
  const auto* const found = std::find_if(kStates.begin(), kStates.end(), [name](State state) {
    return status::ToString(state) == name;
  });
  if (found == kStates.end()) return std::nullopt;
  return *found;
}

std::string MarksText(const Marks& marks) {
  std::string text;
  if (marks.stepped) text += "▲";
  if (marks.falseticker) text += "◆";
  if (marks.contradicted) text += "≠";
  if (marks.free_running) text += "◇";
  return text;
}

}  // namespace fleetsync::status
