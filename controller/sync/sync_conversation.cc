#include "controller/sync/sync_conversation.h"

#include <algorithm>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/facts/probe_conversation.h"
#include "fmt/format.h"

namespace fleetsync::sync {
namespace {

constexpr Duration kMostLatency = std::chrono::milliseconds(200);

std::string LastLines(std::string_view text) {
  std::string_view trimmed = Trim(text);
  constexpr size_t kMost = 300;
  if (trimmed.size() > kMost) trimmed.remove_prefix(trimmed.size() - kMost);
  std::string line = Printable(trimmed);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

std::string ToolText(const SetResult& set, Tool asked) {
  if (set.tool == "chronyd" && asked == Tool::kChronyc)
    return std::string(ToString(Tool::kChronyd));
  return std::string(ToString(asked));
}

}  // namespace

SyncConversation::SyncConversation(SyncRequest request, const Reference& reference)
    : request_(std::move(request)),
      reference_(reference),
      measurement_(request_.policy.tolerance, request_.deadline),
      latency_(SetRequest{}.latency) {
  result_.host = request_.host;
  result_.tolerance = request_.policy.tolerance;
  result_.servers = request_.servers;
}

ssh::Conversation::Next SyncConversation::OnReady(Now now) {
  return Measure(now, State::kMeasureBefore);
}

ssh::Conversation::Next SyncConversation::OnOutput(Now now, std::string_view bytes,
                                                   bool is_stderr) {
  if (state_ == State::kMeasureBefore || state_ == State::kMeasureAfter) {
    return measurement_.OnOutput(now, bytes, is_stderr);
  }
  (is_stderr ? errors_ : output_) += bytes;
  return Wait{};
}

ssh::Conversation::Next SyncConversation::OnExit(Now now, const ssh::Exit& exit) {
  switch (state_) {
    case State::kMeasureBefore:
      if (auto more = measurement_.OnExit(now, exit)) return RunCommand{*std::move(more)};
      return OnMeasuredBefore(now);
    case State::kProbe:
      return OnProbed(exit);
    case State::kSet:
      return OnSet(now, exit);
    case State::kMeasureAfter:
      if (auto more = measurement_.OnExit(now, exit)) return RunCommand{*std::move(more)};
      return OnMeasuredAfter(now);
  }
  return Done{};
}

void SyncConversation::OnFailed(const ssh::Failure& failure) {
  result_.setting = state_ == State::kSet;
  result_.failure = failure;
  // A clock that was set stays set, although nobody could look at it after.
  result_.outcome = Outcome::kFailed;
  result_.detail = ssh::ToString(failure);
  if (result_.setting) {
    result_.detail +=
        "; it was setting its clock: the script there goes on without us and starts "
        "what it stopped. Run sync-all again to measure it";
  }
}

ssh::Conversation::Next SyncConversation::Fail(std::string why) {
  result_.outcome = Outcome::kFailed;
  result_.detail = std::move(why);
  return Done{};
}

ssh::Conversation::Next SyncConversation::Measure(Now now, State state) {
  state_ = state;
  measurement_ = ClockMeasurement(request_.policy.tolerance, request_.deadline);
  return RunCommand{measurement_.Start(now)};
}

ssh::Conversation::Next SyncConversation::OnMeasuredBefore(Now now) {
  const StatusOr<Estimate>& measured = measurement_.result();
  if (!measured.ok()) return Fail(Message(measured.status()));
  const StatusOr<Estimate> before = reference_.Apply(*measured, now);
  if (!before.ok()) return Fail(Message(before.status()));
  result_.before = *before;

  const Decision decision = Decide(*before, request_.policy);
  result_.detail = decision.why;
  if (decision.action == Action::kLeave) {
    result_.outcome = Outcome::kLeft;
    return Done{};
  }
  if (decision.action == Action::kRefuse) {
    result_.outcome = Outcome::kRefused;
    return Done{};
  }
  state_ = State::kProbe;
  return RunCommand{facts::ProbeCommand(request_.deadline, {.scope = facts::Scope::kClock})};
}

ssh::Conversation::Next SyncConversation::OnProbed(const ssh::Exit& exit) {
  StatusOr<facts::Facts> probed = facts::ProbeResult(exit, output_, errors_);
  if (!probed.ok()) return Fail(Message(probed.status()));
  facts_ = *std::move(probed);
  tools_ = ChooseTools(facts_, request_.over_ssh || request_.servers.empty());
  if (tools_.empty()) {
    return Fail(facts_.container
                    ? fmt::format("its clock cannot be set from inside a container ({}): set that "
                                  "of the machine it runs on",
                                  facts_.container_kind)
                    : std::string("its clock cannot be set: CAP_SYS_TIME is missing"));
  }
  if (!facts_.is_root) {
    return Fail("setting a clock needs root: log in as root, or give become: sudo");
  }
  result_.tool = ToString(tools_[0]);
  if (request_.dry_run) {
    result_.outcome = Outcome::kWouldSet;
    return Done{};
  }
  return Set();
}

ssh::Conversation::Next SyncConversation::Set() {
  const StatusOr<std::string> script = RenderSetScript({.tool = tools_[attempt_],
                                                        .servers = request_.servers,
                                                        .offset = result_.last()->offset,
                                                        .latency = latency_},
                                                       facts_);
  if (!script.ok()) return Fail(Message(script.status()));
  state_ = State::kSet;
  output_.clear();
  errors_.clear();
  ssh::Command command;
  command.line = "sh -s";
  command.standard_input = *script;
  command.deadline = std::max(request_.deadline, Duration(std::chrono::seconds(120)));
  return RunCommand{std::move(command)};
}

ssh::Conversation::Next SyncConversation::OnSet(Now now, const ssh::Exit& exit) {
  const StatusOr<SetResult> set = ParseSetResult(output_);
  if (!set.ok()) {
    const std::string said = LastLines(errors_);
    return Fail(fmt::format("{} (sh ended with {}{}{})", Message(set.status()), exit.code,
                            said.empty() ? "" : ": ", said));
  }
  TakeSetResult(*set);
  if (set->busy) return Fail("another run is setting this host's clock; try again when it is done");
  if (set->ok()) return Measure(now, State::kMeasureAfter);
  if (set->NoServer()) {
    result_.no_server = true;
    result_.unresolved = set->unresolved;
    // What the run finds out about the servers is put in place of this.
    return Fail(fmt::format("{}: {}", result_.tool, LastLines(set->output)));
  }
  if (attempt_ + 1 < tools_.size() && ++tries_ < kMostTries) {
    result_.warnings.push_back(fmt::format("{}: {}", result_.tool, LastLines(set->output)));
    ++attempt_;
    return Set();
  }
  return Fail(fmt::format("{} ended with {}: {}", result_.tool, set->exit, LastLines(set->output)));
}

void SyncConversation::TakeSetResult(const SetResult& set) {
  result_.tool = ToolText(set, tools_[attempt_]);
  for (const std::string& failed : set.start_failed) {
    result_.warnings.push_back(fmt::format("service did not start again: {}", LastLines(failed)));
  }
  if (!set.rtc_failed.empty()) {
    result_.warnings.push_back(
        fmt::format("the hardware clock was not written: {}", LastLines(set.rtc_failed)));
  }
  for (const std::string& note : set.notes) result_.warnings.push_back(LastLines(note));
}

bool SyncConversation::NextAttempt(Duration left) {
  if (++tries_ >= kMostTries) return false;
  switch (tools_[attempt_]) {
    case Tool::kChronyc:  // a chronyd of its own starts from nothing
      if (attempt_ + 1 < tools_.size()) ++attempt_;
      return true;
    case Tool::kDate:
      // A busybox host is as late as its programs take to start: allow for it.
      latency_ = std::clamp(latency_ + left, Duration::zero(), kMostLatency);
      return true;
    default:
      // The other tools would ask the same servers; what was measured over SSH is another way.
      attempt_ = tools_.size() - 1;
      return true;
  }
}

ssh::Conversation::Next SyncConversation::OnMeasuredAfter(Now now) {
  const StatusOr<Estimate>& measured = measurement_.result();
  if (!measured.ok()) return Fail("set, but not seen after: " + Message(measured.status()));
  const StatusOr<Estimate> after = reference_.Apply(*measured, now);
  if (!after.ok()) return Fail("set, but not judged after: " + Message(after.status()));
  result_.after = *after;
  const bool outside = Judge(*after, request_.policy.tolerance) == Verdict::kOutside;
  const bool may_go_on = Decide(*after, request_.policy).action == Action::kSet;
  if (outside && may_go_on && NextAttempt(after->offset)) return Set();
  result_.outcome = Outcome::kSet;
  if (outside) {
    result_.detail =
        fmt::format("still off by {} after {}", FormatSigned(after->offset), result_.tool);
  }
  return Done{};
}

}  // namespace fleetsync::sync
