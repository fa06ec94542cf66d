#include "controller/push/push_conversation.h"

#include <utility>

#include "base/text.h"
#include "controller/facts/probe_conversation.h"
#include "controller/push/failure_text.h"
#include "fmt/format.h"

namespace fleetsync::push {
namespace {

using Undo = plan::ApplyResult::Undo;

constexpr size_t kMaxApplyOutput = size_t{64} << 10;  // a dozen lines
constexpr size_t kMaxErrors = size_t{4} << 10;

}  // namespace

std::string_view ToString(Outcome outcome) {
  switch (outcome) {
    case Outcome::kUnchanged:
      return "unchanged";
    case Outcome::kPending:
      return "pending";
    case Outcome::kChanged:
      return "changed";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kSkipped:
      return "skipped";
  }
  return "";
}

ssh::Conversation::Next PushConversation::OnReady(Now) { return Probe(); }

ssh::Conversation::Next PushConversation::OnOutput(Now, std::string_view bytes, bool is_stderr) {
  if (!is_stderr) {
    output_ += bytes;
  } else if (errors_.size() < kMaxErrors) {
    errors_ += bytes.substr(0, kMaxErrors - errors_.size());
  }
  return Wait{};
}

ssh::Conversation::Next PushConversation::OnExit(Now, const ssh::Exit& exit) {
  return state_ == State::kProbing ? AfterProbe(exit) : AfterApply(exit);
}

void PushConversation::OnFailed(const ssh::Failure& failure) {
  const bool applying = state_ == State::kApplying;
  const plan::ApplyResult heard = applying ? plan::ParseApplyResult(output_) : plan::ApplyResult{};
  Fail(applying && !heard.stage.empty() ? std::string_view(heard.stage)
                                        : ssh::ToString(failure.stage),
       Printable(failure.detail), Printable(failure.next_step));
  result_.fault = ssh::ToString(failure.fault);
  if (failure.fault == ssh::Fault::kInterrupted && result_.round_trips == 0)
    result_.outcome = Outcome::kSkipped;
  if (!applying) return;
  result_.undo = Undo::kUnknown;
  result_.next_step = kAfterLostConnection;
}

ssh::Conversation::Next PushConversation::Probe() {
  state_ = State::kProbing;
  output_.clear();
  errors_.clear();
  ++result_.round_trips;
  ssh::Command command = facts::ProbeCommand(options_.deadline);
  command.standard_input =
      plan::JournalQuestion(options_.apply.state_folder) + command.standard_input;
  return RunCommand{std::move(command)};
}

ssh::Conversation::Next PushConversation::Apply(State state, const plan::HostPlan& plan) {
  state_ = state;
  output_.clear();
  errors_.clear();
  ++result_.round_trips;
  ssh::Command command;
  command.line = "sh -s";
  command.standard_input = plan::ToApplyScript(plan, options_.apply);
  command.max_output = kMaxApplyOutput;
  command.deadline = options_.deadline;
  return RunCommand{std::move(command)};
}

ssh::Conversation::Next PushConversation::AfterProbe(const ssh::Exit& exit) {
  const StatusOr<facts::Facts> facts = facts::ProbeResult(exit, output_, errors_);
  if (!facts.ok()) return Fail("probe", Printable(Message(facts.status())), "");
  const bool broken_off = facts->is_root && plan::HasOpenJournal(output_);
  if (broken_off && !options_.check && result_.recovered.empty())
    return Apply(State::kRecovering, {.host = policy_.host, .changes = {}, .notes = {}});
  StatusOr<plan::HostPlan> plan = plan::Diff(policy_, *facts);
  if (!plan.ok()) return Fail("plan", Printable(Message(plan.status())), "");
  result_.plan = *std::move(plan);
  if (broken_off)
    result_.plan.notes.push_back(
        "an earlier push was broken off here: the next one undoes it first");
  if (options_.check) {
    result_.outcome = result_.plan.empty() && !broken_off ? Outcome::kUnchanged : Outcome::kPending;
    return Done{};
  }
  if (!result_.plan.empty()) return Apply(State::kApplying, result_.plan);
  result_.outcome = result_.recovered.empty() ? Outcome::kUnchanged : Outcome::kChanged;
  return Done{};
}

ssh::Conversation::Next PushConversation::AfterApply(const ssh::Exit& exit) {
  const plan::ApplyResult applied = plan::ParseApplyResult(output_);
  if (!applied.recovered.empty()) result_.recovered = applied.recovered;
  if (applied.outcome == plan::ApplyResult::Outcome::kDone) {
    if (state_ == State::kRecovering) {
      if (result_.recovered.empty()) result_.recovered = "a finished run's remains";
      return Probe();
    }
    result_.outcome = Outcome::kChanged;
    return Done{};
  }
  const FailureText text = ExplainApply(applied, result_.plan, exit, Printable(Trim(errors_)));
  Fail(applied.stage.empty() ? "apply" : applied.stage, text.why, text.next_step);
  result_.undo = applied.undo;
  return Done{};
}

ssh::Conversation::Next PushConversation::Fail(std::string_view stage, std::string why,
                                               std::string next_step) {
  result_.outcome = Outcome::kFailed;
  result_.stage = stage;
  result_.why = std::move(why);
  result_.next_step = std::move(next_step);
  return Done{};
}

}  // namespace fleetsync::push
