#include "controller/deploy/agent_conversation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::deploy {
namespace {

constexpr std::string_view kBegin = "\nfleetsync-agent-install 1 begin\n";
constexpr std::string_view kEnd = "\nfleetsync-agent-install 1 end\n";
constexpr size_t kLongestErrors = 4096;
constexpr size_t kMaxOutput = size_t{4} << 20;  // the facts' probe carries files

// What a host said last on standard error, for a failure that says nothing itself.
std::string LastLine(std::string_view text) {
  text = Trim(text);
  const size_t newline = text.rfind('\n');
  return Printable(Trim(newline == std::string_view::npos ? text : text.substr(newline + 1)));
}

std::vector<std::string> ChangesOf(const InstallPlan& plan) {
  std::vector<std::string> changes;
  if (plan.add_user) changes.emplace_back("user");
  if (plan.add_time_user) changes.emplace_back("clock user");
  if (plan.write_identity) changes.emplace_back("identity");
  if (plan.write_keys) changes.emplace_back("keys");
  if (plan.send_binary) changes.emplace_back("binary");
  if (plan.write_config) changes.emplace_back("config");
  if (plan.write_unit) changes.emplace_back("unit");
  for (const plan::SetService& rival : plan.rivals)
    changes.push_back("retire " + Printable(rival.service));
  if (plan.enable) changes.emplace_back("enabled");
  if (plan.start) changes.emplace_back("started");
  return changes;
}

void PutLine(std::string_view key, std::string_view value, Outcome& outcome, std::string& stuck) {
  const std::string text = Printable(value);
  if (key == "changed" || key == "removed") outcome.changes.push_back(text);
  if (key == "started") outcome.changes.emplace_back("started");
  if (key == "warning") outcome.warnings.push_back(text);
  if (key == "recovered")
    outcome.warnings.emplace_back("an installation that was cut off was undone first");
  if (key == "failed") outcome.failure = text;
  if (key == "restored") outcome.restored = true;
  if (key == "not_restored") stuck = text;
}

}  // namespace

std::string_view ToString(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::kFailed:
      return "failed";
    case Outcome::Kind::kUnchanged:
      return "unchanged";
    case Outcome::Kind::kNoAgent:
      return "no agent";
    case Outcome::Kind::kWouldChange:
      return "would change";
    case Outcome::Kind::kInstalled:
      return "installed";
    case Outcome::Kind::kUpdated:
      return "updated";
    case Outcome::Kind::kRemoved:
      return "removed";
  }
  return "failed";
}

Outcome ParseOutcome(std::string_view output, Outcome::Kind success) {
  Outcome outcome;
  const size_t begin = output.find(kBegin);
  const size_t end = output.rfind(kEnd);
  if (begin == std::string_view::npos) {
    outcome.failure = "the host's shell did not run the script";
    return outcome;
  }
  if (end == std::string_view::npos) {
    outcome.failure = "the script was cut off; the next run undoes or finishes what it had begun";
    return outcome;
  }
  std::string stuck;
  output = output.substr(begin + kBegin.size() - 1);
  for (const std::string_view line : Split(output.substr(0, output.rfind(kEnd)), '\n')) {
    const size_t equals = line.find('=');
    if (equals != std::string_view::npos)
      PutLine(line.substr(0, equals), line.substr(equals + 1), outcome, stuck);
  }
  if (!stuck.empty()) {
    outcome.failure += fmt::format("; undoing it failed too: {}", stuck);
  } else if (outcome.restored) {
    outcome.failure += "; the host is as it was before";
  }
  if (outcome.failure.empty()) outcome.kind = success;
  return outcome;
}

AgentConversation::Next AgentConversation::OnReady(Now) {
  ssh::Command command;
  command.line = "sh -s";
  command.standard_input = HostStateScript();
  command.max_output = kMaxOutput;
  command.deadline = deadline_;
  return RunCommand{std::move(command)};
}

AgentConversation::Next AgentConversation::OnOutput(Now, std::string_view bytes, bool is_stderr) {
  if (!is_stderr) {
    output_ += bytes;
  } else if (errors_.size() < kLongestErrors) {
    errors_ += bytes;
  }
  return Wait{};
}

AgentConversation::Next AgentConversation::OnExit(Now, const ssh::Exit& exit) {
  if (!working_) return AfterReading(exit);
  outcome_ = ParseOutcome(output_, success_);
  if (!outcome_.failure.empty() && output_.empty() && !Trim(errors_).empty())
    outcome_.failure += fmt::format(": {}", LastLine(errors_));
  return Done{};
}

AgentConversation::Next AgentConversation::AfterReading(const ssh::Exit& exit) {
  StatusOr<HostState> state = ParseHostState(output_);
  if (!state.ok()) {
    std::string text = Message(state.status());
    if (!Trim(errors_).empty()) text += fmt::format(" ({})", LastLine(errors_));
    if (!exit.signal.empty()) text += fmt::format(" (ended by SIG{})", Printable(exit.signal));
    return Fail(std::move(text));
  }
  state_ = std::make_unique<HostState>(*std::move(state));
  StatusOr<Work> work = decide_(*state_);
  output_ = {};
  state_->facts.files.clear();  // up to a megabyte that no report needs, from each of many hosts
  if (!work.ok()) return Fail(Message(work.status()));
  if (work->script.empty()) {
    outcome_ = std::move(work->outcome);
    return Done{};
  }
  working_ = true;
  success_ = work->outcome.kind;
  errors_.clear();
  ssh::Command command;
  command.line = CommandFor(work->script.size());
  command.standard_input = std::move(work->script);
  command.standard_input += work->secrets.Reveal();
  command.shared_input = std::move(work->input);
  command.deadline = std::max(deadline_, kWorkDeadline);
  return RunCommand{std::move(command)};
}

AgentConversation::Next AgentConversation::Fail(std::string text) {
  outcome_ = {};
  outcome_.failure = std::move(text);
  return Done{};
}

void AgentConversation::OnFailed(const ssh::Failure& failure) {
  Fail(ssh::ToString(failure) +
       (working_ ? "; the host undoes or finishes what had begun, at the latest in the next run"
                 : ""));
}

StatusOr<AgentConversation::Work> Installer::Decide(const HostState& state, const std::string& host,
                                                    const StatusOr<AgentWish>& wish) {
  if (!wish.ok()) return wish.status();
  FS_ASSIGN_OR_RETURN(InstallPlan plan, PlanInstall(state, binary_, *wish));
  const IdentitySource* const source = options_.identities;
  plan.write_identity = source != nullptr && (plan.recover || source->renew ||
                                              !state.identity.IsGood(*source, host, options_.now));
  return WorkFor(plan, state, *wish, host);
}

StatusOr<AgentConversation::Work> Installer::DecideUpgrade(const HostState& state) {
  if (!HasAgent(state)) {
    AgentConversation::Work none;
    none.outcome.kind = Outcome::Kind::kNoAgent;
    return none;
  }
  FS_ASSIGN_OR_RETURN(const InstallPlan plan, PlanUpgrade(state, binary_));
  return WorkFor(plan, state, AgentWish{}, "");
}

StatusOr<AgentConversation::Work> Installer::WorkFor(const InstallPlan& plan,
                                                     const HostState& state, const AgentWish& wish,
                                                     const std::string& host) {
  AgentConversation::Work work;
  if (plan.empty()) {
    work.outcome.kind = Outcome::Kind::kUnchanged;
    return work;
  }
  if (options_.check) {
    work.outcome.kind = Outcome::Kind::kWouldChange;
    work.outcome.changes = ChangesOf(plan);
    return work;
  }
  std::optional<ca::Identity> identity;
  if (plan.write_identity) {
    FS_ASSIGN_OR_RETURN(identity, options_.identities->issue(host));
  }
  InstallInput input = InstallInputFor(plan, state, binary_, wish, identity ? &*identity : nullptr);
  work.script = std::move(input.script);
  work.secrets = std::move(input.secrets);
  work.outcome.kind = HasAgent(state) ? Outcome::Kind::kUpdated : Outcome::Kind::kInstalled;
  if (!plan.send_binary) return work;
  work.input = binary_.gzip;
  if (!state.has_gzip) {
    if (!uncompressed_) {
      FS_ASSIGN_OR_RETURN(uncompressed_, ReadUncompressed(binary_));
    }
    work.input = uncompressed_;
  }
  return work;
}

StatusOr<AgentConversation::Work> DecideRemove(const HostState& state, bool purge, bool check) {
  if (!state.facts.is_root) {
    return absl::FailedPreconditionError(
        "removing needs root; log in as root or give the host become: sudo");
  }
  AgentConversation::Work work;
  if (!HasAgent(state) && !(purge && state.has_user)) {
    work.outcome.kind = Outcome::Kind::kUnchanged;
  } else if (check) {
    work.outcome.kind = Outcome::Kind::kWouldChange;
    for (const auto& [path, sum] : state.files) work.outcome.changes.push_back(path);
  } else {
    work.script = RemoveScriptFor(state, purge);
    work.outcome.kind = Outcome::Kind::kRemoved;
  }
  return work;
}

}  // namespace fleetsync::deploy
