#include "agent/observe/daemon_state.h"

#include <algorithm>

namespace fleetsync::observe {

std::string_view ToString(SourceState state) {
  switch (state) {
    case SourceState::kSelected:
      return "selected";
    case SourceState::kCandidate:
      return "candidate";
    case SourceState::kOutlier:
      return "outlier";
    case SourceState::kFalseticker:
      return "falseticker";
    case SourceState::kUnreachable:
      return "unreachable";
  }
  return "unreachable";
}

char Tally(SourceState state) {
  switch (state) {
    case SourceState::kSelected:
      return '*';
    case SourceState::kCandidate:
      return '+';
    case SourceState::kOutlier:
      return '-';
    case SourceState::kFalseticker:
      return 'x';
    case SourceState::kUnreachable:
      return '?';
  }
  return '?';
}

const Source* DaemonState::Selected() const {
  const auto found = std::find_if(sources.begin(), sources.end(), [](const Source& source) {
    return source.state == SourceState::kSelected;
  });
  return found == sources.end() ? nullptr : &*found;
}

}  // namespace fleetsync::observe
