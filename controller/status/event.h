#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace fleetsync::status {

// fleetsync.v1.EventKind and fleetsync.v1.SourceState, as the store keeps them.
enum class EventKind : uint8_t {
  kUnspecified = 0,
  kStarted = 1,
  kStepped = 2,
  kSteppedByOther = 3,
  kSlewed = 4,
  kSourceSelected = 5,
  kSourceLost = 6,
  kFalseticker = 7,
  kPanic = 8,
  kLeap = 9,
  kDaemon = 10,
  kResumed = 11,
  kTrouble = 12,
  kLostReports = 13,
};
inline constexpr uint8_t kSourceSelected = 1, kSourceCandidate = 2, kSourceOutlier = 3,
                         kSourceFalseticker = 4, kSourceUnreachable = 5;

struct Event {
  SystemTime at;  // by the controller's clock, as well as it is known
  EventKind kind = EventKind::kUnspecified;
  Duration amount{};
  std::string text;
};

inline bool IsStep(EventKind kind) {
  return kind == EventKind::kStepped || kind == EventKind::kSteppedByOther;
}

std::string_view ToString(EventKind kind);  // "stepped", "source-selected", …

// One column: "▲" a step, "⇄" another source, "○" a start, "◆" a falseticker, "!" trouble, "·"
// others.
std::string_view SymbolOf(EventKind kind);

// One line, printable: "the clock was stepped by +1.20 s", "follows ntp1.example".
std::string Describe(const Event& event);

}  // namespace fleetsync::status
