#include "controller/doctor/conversation.h"

#include <chrono>
#include <utility>

#include "controller/facts/probe_conversation.h"
#include "controller/observe/observe_conversation.h"

namespace fleetsync::doctor {
namespace {

constexpr size_t kLongestErrors = 4096;

// The host told whole seconds, at some time between the two.
std::optional<Duration> Ahead(int64_t host_s, SystemTime asked, SystemTime ended) {
  if (host_s == 0) return std::nullopt;
  const SystemTime host{std::chrono::seconds(host_s)};
  if (const Duration least = host - ended; least > Duration::zero()) return least;
  if (const Duration most = host + std::chrono::seconds(1) - asked; most < Duration::zero())
    return most;
  return Duration::zero();
}

}  // namespace

Conversation::Next Conversation::OnReady(Now now) {
  asked_at_ = now.system;
  return RunCommand{facts::ProbeCommand(deadline_)};
}

Conversation::Next Conversation::OnOutput(Now, std::string_view bytes, bool is_stderr) {
  if (!is_stderr) {
    output_ += bytes;
  } else if (errors_.size() < kLongestErrors) {
    errors_ += bytes;
  }
  return Wait{};
}

Conversation::Next Conversation::Ask(Step step, ssh::Command command) {
  step_ = step;
  output_.clear();
  errors_.clear();
  return RunCommand{std::move(command)};
}

Conversation::Next Conversation::OnExit(Now now, const ssh::Exit& exit) {
  switch (step_) {
    case Step::kFacts:
      facts_ = facts::ProbeResult(exit, output_, errors_);
      if (!facts_.ok()) return Done{};
      ahead_ = Ahead(facts_->clock_s, asked_at_, now.system);
      return Ask(Step::kDaemon, observe::ObserveCommand(deadline_));
    case Step::kDaemon:
      observation_ = observe::ObserveResult(output_, errors_);
      if (!observation_.ok()) return Done{};
      return Ask(Step::kQuestions, AskCommand(*facts_, deadline_));
    case Step::kQuestions:
      answers_ = ParseAnswers(output_);
      return Done{};
  }
  return Done{};
}

void Conversation::OnFailed(const ssh::Failure& failure) {
  const Status status = absl::UnavailableError(ssh::ToString(failure));
  switch (step_) {
    case Step::kFacts:
      facts_ = status;
      break;
    case Step::kDaemon:
      observation_ = status;
      break;
    case Step::kQuestions:
      answers_ = status;
      break;
  }
}

}  // namespace fleetsync::doctor
