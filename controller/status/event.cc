#include "controller/status/event.h"

#include <array>
#include <cstddef>

#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

struct Names {
  std::string_view name, symbol;
};
// In the order of EventKind.
constexpr auto kNames = std::to_array<Names>({{"unknown", "·"},
                                              {"started", "○"},
                                              {"stepped", "▲"},
                                              {"stepped-by-other", "▲"},
                                              {"slewed", "·"},
                                              {"source-selected", "⇄"},
                                              {"source-lost", "⇄"},
                                              {"falseticker", "◆"},
                                              {"panic", "!"},
                                              {"leap", "·"},
                                              {"daemon", "○"},
                                              {"resumed", "○"},
                                              {"trouble", "!"},
                                              {"lost-reports", "!"}});

// A newer agent may tell kinds that this program has no word for.
const Names& NamesOf(EventKind kind) {
  const auto index = static_cast<size_t>(kind);
  return kNames[index < kNames.size() ? index : 0];
}

std::string Sentence(const Event& event) {
  switch (event.kind) {
    case EventKind::kStarted:
      return "the agent started";
    case EventKind::kStepped:
      return fmt::format("the clock was stepped by {}", FormatSigned(event.amount));
    case EventKind::kSteppedByOther:
      return fmt::format("somebody else set the clock by {}", FormatSigned(event.amount));
    case EventKind::kSlewed:
      return fmt::format("the clock was slewed by {}", FormatSigned(event.amount));
    case EventKind::kSourceSelected:
      return fmt::format("follows {}", event.text);
    case EventKind::kSourceLost:
      return "follows no source any more";
    case EventKind::kFalseticker:
      return fmt::format("{} is a falseticker", event.text);
    case EventKind::kPanic:
      return fmt::format("left alone: {} off is beyond what may be corrected",
                         FormatSigned(event.amount));
    case EventKind::kLeap:
      return "a leap second is announced";
    case EventKind::kDaemon:
      return fmt::format("the clock belongs to {}", event.text);
    case EventKind::kResumed:
      return fmt::format("resumed after {} of suspension", FormatDuration(event.amount));
    case EventKind::kTrouble:
      return event.text;
    case EventKind::kLostReports:
      return fmt::format("{} reports were lost: the agent's buffer was full", event.amount.count());
    case EventKind::kUnspecified:
      break;
  }
  return fmt::format("event {}: {}", static_cast<int>(event.kind), event.text);
}

}  // namespace

std::string_view ToString(EventKind kind) { return NamesOf(kind).name; }

std::string_view SymbolOf(EventKind kind) { return NamesOf(kind).symbol; }

std::string Describe(const Event& event) { return Printable(Sentence(event)); }

}  // namespace fleetsync::status
