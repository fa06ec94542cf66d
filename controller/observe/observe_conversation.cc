#include "controller/observe/observe_conversation.h"

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::observe {
namespace {

constexpr size_t kLongestErrors = 4096;

}  // namespace

ssh::Command ObserveCommand(Duration deadline) {
  ssh::Command command;
  command.line = "sh -s";
  command.standard_input = ObserveScript();
  command.deadline = deadline;
  return command;
}

StatusOr<Observation> ObserveResult(const std::string& output, std::string_view errors) {
  StatusOr<Observation> observation = ParseObservation(output);
  const std::string_view said = Trim(errors);
  if (observation.ok() || said.empty()) return observation;
  return absl::UnavailableError(fmt::format("{}: {}", Message(observation.status()),
                                            Printable(said.substr(said.rfind('\n') + 1))));
}

ObserveConversation::Next ObserveConversation::OnReady(Now) {
  return RunCommand{ObserveCommand(deadline_)};
}

ObserveConversation::Next ObserveConversation::OnOutput(Now, std::string_view bytes,
                                                        bool is_stderr) {
  if (!is_stderr) {
    output_ += bytes;
  } else if (errors_.size() < kLongestErrors) {
    errors_ += bytes;
  }
  return Wait{};
}

ObserveConversation::Next ObserveConversation::OnExit(Now, const ssh::Exit&) {
  result_ = ObserveResult(output_, errors_);
  return Done{};
}

void ObserveConversation::OnFailed(const ssh::Failure& failure) {
  result_ = absl::UnavailableError(ssh::ToString(failure));
}

}  // namespace fleetsync::observe
