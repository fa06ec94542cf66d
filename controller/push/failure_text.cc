#include "controller/push/failure_text.h"

#include <vector>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::push {
namespace {

using Undo = plan::ApplyResult::Undo;

bool Holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The file that the plan puts in place; null when it puts none.
const plan::PutFile* FileOf(const plan::HostPlan& plan) {
  for (const plan::PlannedChange& planned : plan.changes)
    if (const auto* put = std::get_if<plan::PutFile>(&planned.change)) return put;
  return nullptr;
}

// The line that a daemon's parser complains of ("… at line 12 …"), or nothing.
std::string RefusedLine(std::string_view why, std::string_view file) {
  const size_t at = why.find("line ");
  if (at == std::string_view::npos) return {};
  size_t number = 0;
  for (const char c : why.substr(at + 5)) {
    if (c < '0' || c > '9' || number > 100'000) break;
    number = number * 10 + static_cast<size_t>(c - '0');
  }
  const std::vector<std::string_view> lines = Split(file, '\n');
  if (number == 0 || number > lines.size()) return {};
  return Printable(Trim(lines[number - 1]));
}

// Parsers name the staged file; people know the one it is to become.
std::string WithoutStagedName(std::string text) {
  constexpr std::string_view kSuffix = ".fleetsync-new";
  const size_t end = text.find(kSuffix);
  if (end == std::string::npos) return text;
  text.erase(end, kSuffix.size());
  const size_t slash = text.rfind("/.", end);
  if (slash != std::string::npos) text.erase(slash + 1, 1);
  return text;
}

std::string NextStep(const plan::ApplyResult& result, std::string_view service) {
  const std::string_view why = result.why;
  if (Holds(why, "No space left")) return "free some room there, then push again";
  if (Holds(why, "Read-only file system")) return "mount it writable, then push again";
  if (Holds(why, "Permission denied") || Holds(why, "Operation not permitted"))
    return "push has to run as root there, and the file must not be immutable";
  if (result.stage == "lock") return "push again when it is done";
  if (result.stage == "check") return "push again";
  if (result.stage == "validate") return "change the policy (time.extra), then push again";
  if (result.stage == "service" || result.stage == "verify")
    return fmt::format("its log says why: journalctl -u {}, or /var/log/syslog", service);
  return "push again";
}

std::string_view ServiceOf(const plan::HostPlan& plan) {
  for (const plan::PlannedChange& planned : plan.changes)
    if (const auto* set = std::get_if<plan::SetService>(&planned.change)) return set->service;
  return "SERVICE";
}

std::string StateNow(const plan::ApplyResult& result) {
  switch (result.undo) {
    case Undo::kNotNeeded:
      return "nothing was touched";
    case Undo::kDone:
      return "the old configuration is back in force";
    case Undo::kFailed:
      return fmt::format("AND THE UNDO FAILED: {}", result.undo_problem);
    case Undo::kUnknown:
      return "what the host did then is not known";
  }
  return "";
}

}  // namespace

FailureText ExplainApply(const plan::ApplyResult& result, const plan::HostPlan& plan,
                         const ssh::Exit& exit, std::string_view errors) {
  FailureText text;
  if (result.outcome == plan::ApplyResult::Outcome::kCut) {
    const std::string how = exit.signal.empty() ? fmt::format("with {}", exit.code)
                                                : fmt::format("by signal {}", exit.signal);
    text.why = fmt::format("the script ended {} before it said how it went{}{}", how,
                           errors.empty() ? "" : ": ", errors.substr(0, 200));
    text.next_step = "push again: the next one first undoes what this one left";
    return text;
  }
  std::string why = WithoutStagedName(result.why);
  const plan::PutFile* file = FileOf(plan);
  if (result.stage == "validate" && file != nullptr) {
    const std::string line = RefusedLine(result.why, file->after.value_or(""));
    if (!line.empty()) why += fmt::format(": '{}'", line);
  }
  text.why = fmt::format("{}; {}", why, StateNow(result));
  text.next_step = NextStep(result, ServiceOf(plan));
  return text;
}

}  // namespace fleetsync::push
