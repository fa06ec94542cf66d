#include "controller/sync/source_check.h"

#include <algorithm>
#include <utility>

#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::sync {
namespace {

// Beside what sources say of their own errors: paths differ, and one answer is not many.
constexpr Duration kSlack = std::chrono::milliseconds(100);
constexpr Duration kSaneMaxError = std::chrono::seconds(1);  // of a kernel's clock that is kept

bool Agree(const Estimate& a, const Estimate& b) {
  return Abs(a.offset - b.offset) <= kSlack + a.bound + b.bound;
}

// Offsets from this machine's clock, each with a vote.
std::vector<Estimate> VotesOf(const std::vector<RelayState>& states, const KernelClock& kernel) {
  std::vector<Estimate> votes;
  for (const RelayState& state : states)
    if (state.kind == RelayState::Kind::kSynchronised && state.measured)
      votes.push_back(*state.measured);
  if (kernel.synchronised && kernel.max_error < kSaneMaxError)
    votes.push_back({Duration::zero(), kernel.max_error});
  return votes;
}

size_t Supporters(const Estimate& estimate, const std::vector<Estimate>& votes) {
  return static_cast<size_t>(std::count_if(
      votes.begin(), votes.end(), [&](const Estimate& other) { return Agree(estimate, other); }));
}

}  // namespace

SourceFindings JudgeSources(const std::vector<RelayState>& states,
                            const std::set<std::string>& fresh, const KernelClock& kernel) {
  SourceFindings findings;
  const std::vector<Estimate> votes = VotesOf(states, kernel);
  for (const RelayState& state : states) {
    if (!fresh.contains(state.name)) continue;
    if (state.kind == RelayState::Kind::kSilent || state.kind == RelayState::Kind::kNotAsked) {
      findings.warnings.push_back(Describe(state) + "; whether it is right could not be seen");
    } else if (state.kind != RelayState::Kind::kSynchronised) {
      findings.refusals.push_back(Describe(state));
    } else if (state.measured && 2 * Supporters(*state.measured, votes) <= votes.size()) {
      findings.refusals.push_back(
          fmt::format("{} is {} from this machine's clock, and {} of {} others contradict it",
                      DisplayName(state), FormatSigned(state.measured->offset),
                      votes.size() - Supporters(*state.measured, votes), votes.size() - 1));
    }
  }
  return findings;
}

}  // namespace fleetsync::sync
