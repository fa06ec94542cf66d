#include "controller/push/push_conversation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "controller/plan/firewall.h"
#include "controller/plan/rollback.h"
#include "controller/push/failure_text.h"
#include "fmt/format.h"

namespace fleetsync::push {
namespace {

using Undo = plan::ApplyResult::Undo;

constexpr size_t kMaxApplyOutput = size_t{64} << 10;  // a dozen lines
constexpr size_t kMaxErrors = size_t{4} << 10;
constexpr Duration kInstallDeadline = std::chrono::minutes(10);

// How far the host's clock is behind the controller's, good to a second or two.
std::optional<Duration> ClockOffset(Now now, const facts::Facts& facts) {
  if (facts.clock_s == 0) return std::nullopt;
  constexpr Duration kHalf = std::chrono::milliseconds(500);  // of the second that is cut off
  return now.system.time_since_epoch() - std::chrono::seconds(facts.clock_s) - kHalf;
}

// The script waits for more than the daemon's start.
bool Awaits(const plan::HostPlan& plan) {
  return std::any_of(plan.changes.begin(), plan.changes.end(), [](const plan::PlannedChange& c) {
    const auto* set = std::get_if<plan::SetService>(&c.change);
    return set != nullptr && set->await != plan::SetService::Await::kNothing;
  });
}

bool Installs(const plan::HostPlan& plan) {
  return std::any_of(plan.changes.begin(), plan.changes.end(), [](const plan::PlannedChange& c) {
    return std::holds_alternative<plan::InstallPackage>(c.change);
  });
}

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

namespace {

// A relay's packet filter is asked as well, where it is to be managed.
bool ManagesFirewall(const policy::TimePolicy& policy) {
  return policy.role == inventory::Role::kRelay &&
         policy.settings.firewall == inventory::TimeSettings::Firewall::kManage;
}

StatusOr<plan::HostPlan> PlanWithFirewall(const policy::TimePolicy& policy, std::string_view output,
                                          const facts::Facts& actual,
                                          const plan::DiffOptions& options) {
  FS_ASSIGN_OR_RETURN(plan::HostPlan plan, plan::Diff(policy, actual, options));
  if (Installs(plan) || actual.firewall.empty()) return plan;
  FS_ASSIGN_OR_RETURN(const render::FirewallState state, plan::ParseFirewall(output));
  FS_ASSIGN_OR_RETURN(std::vector<plan::PlannedChange> rules,
                      plan::SetFirewallRules(policy, actual, state));
  // Before the services: a relay that serves again is heard at once.
  const auto services =
      std::find_if(plan.changes.begin(), plan.changes.end(), [](const plan::PlannedChange& c) {
        return std::holds_alternative<plan::SetService>(c.change) ||
               std::holds_alternative<plan::SetClock>(c.change);
      });
  plan.changes.insert(services, rules.begin(), rules.end());
  return plan;
}

}  // namespace

HostTask BringTo(policy::TimePolicy policy) {
  std::string host = policy.host;
  const bool keys = policy.keys != nullptr;
  if (ManagesFirewall(policy))
    return {
        .host = std::move(host),
        .question = std::string(plan::FirewallScript()),
        .probe = {.keys = keys},
        .plan = [policy = std::move(policy)](std::string_view output, const facts::Facts& actual,
                                             const plan::DiffOptions& options) {
          return PlanWithFirewall(policy, output, actual, options);
        }};
  return {.host = std::move(host),
          .question = {},
          .probe = {.scope = facts::Scope::kPush, .keys = keys},
          .plan = [policy = std::move(policy)](std::string_view, const facts::Facts& actual,
                                               const plan::DiffOptions& options) {
            return plan::Diff(policy, actual, options);
          }};
}

HostTask RollBack(const std::string& host, const std::string& to,
                  const plan::ApplyOptions& options) {
  return {.host = host,
          .question = plan::BackupsQuestion(options.state_folder, to),
          .plan = [host, to](std::string_view output, const facts::Facts& actual,
                             const plan::DiffOptions&) -> StatusOr<plan::HostPlan> {
            FS_ASSIGN_OR_RETURN(const plan::Backups backups, plan::ParseBackups(output));
            return plan::PlanRollback(backups, actual, host, to);
          }};
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

ssh::Conversation::Next PushConversation::OnExit(Now now, const ssh::Exit& exit) {
  return state_ == State::kProbing ? AfterProbe(now, exit) : AfterApply(exit);
}

void PushConversation::OnFailed(const ssh::Failure& failure) {
  const bool applying = state_ != State::kProbing;
  const plan::ApplyResult heard = applying ? plan::ParseApplyResult(output_) : plan::ApplyResult{};
  if (state_ == State::kRemoving) {
    result_.why += "; the package that was installed stays: " + Printable(failure.detail);
    return;
  }
  SetFailure(applying && !heard.stage.empty() ? std::string_view(heard.stage)
                                              : ssh::ToString(failure.stage),
             Printable(failure.detail), Printable(failure.next_step));
  if (!installed_.empty()) result_.why += "; the package that was installed stays";
  result_.fault = ssh::ToString(failure.fault);
  if (failure.fault == ssh::Fault::kInterrupted && result_.round_trips == 0)
    result_.outcome = Outcome::kSkipped;
  if (!applying) return;
  result_.undo = Undo::kUnknown;
  result_.next_step = kAfterLostConnection;
}

ssh::Conversation::Next PushConversation::Probe() {
  ssh::Command command = facts::ProbeCommand(options_.deadline, task_.probe);
  command.standard_input =
      plan::JournalQuestion(options_.apply.state_folder) + task_.question + command.standard_input;
  return Run(State::kProbing, std::move(command));
}

ssh::Conversation::Next PushConversation::Apply(State state, const plan::HostPlan& plan) {
  ssh::Command command;
  command.line = "sh -s";
  command.standard_input = plan::ToApplyScript(plan, options_.apply);
  command.max_output = kMaxApplyOutput;
  command.deadline = options_.deadline;
  if (state == State::kInstalling || state == State::kRemoving)
    command.deadline = std::max(command.deadline, kInstallDeadline);
  if (Awaits(plan)) command.deadline += std::chrono::seconds(options_.apply.serving_patience_s);
  return Run(state, std::move(command));
}

ssh::Conversation::Next PushConversation::Run(State state, ssh::Command command) {
  state_ = state;
  output_.clear();
  errors_.clear();
  ++result_.round_trips;
  return RunCommand{std::move(command)};
}

ssh::Conversation::Next PushConversation::AfterProbe(Now now, const ssh::Exit& exit) {
  const StatusOr<facts::Facts> facts = facts::ProbeResult(exit, output_, errors_);
  if (!facts.ok()) return Fail("probe", Printable(Message(facts.status())), "");
  const bool broken_off = facts->is_root && plan::HasOpenJournal(output_);
  if (broken_off && !options_.check && result_.recovered.empty())
    return Apply(State::kRecovering, {.host = task_.host});
  if (facts->settled && !broken_off) {
    result_.outcome = Outcome::kUnchanged;
    result_.fingerprint = facts->fingerprint;
    return Done{};
  }
  const plan::DiffOptions diff{.overwrite_edits = options_.overwrite_edits,
                               .await_synchronised = options_.await_synchronised,
                               .clock_offset = ClockOffset(now, *facts)};
  StatusOr<plan::HostPlan> plan = task_.plan(output_, *facts, diff);
  if (!plan.ok()) return Fail("plan", Printable(Message(plan.status())), "");
  result_.plan = *std::move(plan);
  // What there is to say is said each time.
  if (result_.plan.empty() && result_.plan.notes.empty()) result_.fingerprint = facts->fingerprint;
  if (broken_off)
    result_.plan.notes.push_back(
        "an earlier push was broken off here: the next one undoes it first");
  if (!options_.check) return AfterPlan();
  result_.outcome = result_.plan.empty() && !broken_off ? Outcome::kUnchanged : Outcome::kPending;
  return Done{};
}

ssh::Conversation::Next PushConversation::AfterPlan() {
  if (const auto& edited = result_.plan.edited_files; !edited.empty())
    return Fail("drift",
                fmt::format("{} was edited by hand since the last push: the host is left as it is",
                            Printable(Join(edited, ", "))),
                "push --check --diff shows it; --overwrite-drift replaces it and keeps a copy");
  if (!result_.plan.empty())
    return Apply(Installs(result_.plan) ? State::kInstalling : State::kApplying, result_.plan);
  result_.outcome =
      result_.recovered.empty() && installed_.empty() ? Outcome::kUnchanged : Outcome::kChanged;
  ShowInstalled();
  return Done{};
}

ssh::Conversation::Next PushConversation::AfterApply(const ssh::Exit& exit) {
  if (state_ == State::kRemoving) return AfterRemoval();
  const plan::ApplyResult applied = plan::ParseApplyResult(output_);
  if (!applied.recovered.empty()) result_.recovered = applied.recovered;
  result_.notes.insert(result_.notes.end(), applied.notes.begin(), applied.notes.end());
  if (applied.outcome != plan::ApplyResult::Outcome::kDone) {
    const FailureText text = ExplainApply(applied, result_.plan, exit, Printable(Trim(errors_)));
    result_.undo = applied.undo;
    return Fail(applied.stage.empty() ? "apply" : applied.stage, text.why, text.next_step);
  }
  if (state_ == State::kRecovering) {
    if (result_.recovered.empty()) result_.recovered = "a finished run's remains";
    return Probe();
  }
  if (state_ == State::kInstalling) {
    if (!installed_.empty())
      return Fail("package", "the package is installed, and its daemon is still not found", "");
    installed_ = std::move(result_.plan.changes);
    return Probe();
  }
  result_.outcome = Outcome::kChanged;
  result_.provisional = applied.provisional;
  ShowInstalled();
  return Done{};
}

void PushConversation::ShowInstalled() {
  result_.plan.changes.insert(result_.plan.changes.begin(), installed_.begin(), installed_.end());
}

// A package that this run has brought goes again when what follows fails.
ssh::Conversation::Next PushConversation::Fail(std::string_view stage, std::string why,
                                               std::string next_step) {
  SetFailure(stage, std::move(why), std::move(next_step));
  if (installed_.empty()) return Done{};
  plan::HostPlan away{.host = task_.host};
  for (const plan::PlannedChange& planned : installed_)
    if (const auto* install = std::get_if<plan::InstallPackage>(&planned.change))
      away.changes.push_back(
          {plan::InstallPackage{install->manager, install->package, true}, "the push failed"});
  return Apply(State::kRemoving, away);
}

ssh::Conversation::Next PushConversation::AfterRemoval() {
  const plan::ApplyResult removed = plan::ParseApplyResult(output_);
  const bool done = removed.outcome == plan::ApplyResult::Outcome::kDone;
  result_.why += done ? "; the package that was installed has been removed again"
                      : "; the package that was installed stays: " + removed.why;
  return Done{};
}

void PushConversation::SetFailure(std::string_view stage, std::string why, std::string next_step) {
  result_.outcome = Outcome::kFailed;
  result_.stage = stage;
  result_.why = std::move(why);
  result_.next_step = std::move(next_step);
}

}  // namespace fleetsync::push
