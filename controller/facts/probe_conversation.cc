#include "controller/facts/probe_conversation.h"

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::facts {
namespace {

constexpr size_t kMaxOutput = size_t{4} << 20;  // two dozen files of at most 64 KiB, in hexadecimal

}  // namespace

ssh::Command ProbeCommand(Duration deadline, const ProbeRequest& request) {
  ssh::Command command;
  command.line = "sh -s";
  if (request.scope == Scope::kClock) command.standard_input = "scope=clock\n";
  if (request.scope == Scope::kPush)
    command.standard_input = fmt::format("scope=push\nsettled={}\n", ShellQuote(request.settled));
  if (request.keys) command.standard_input += "keys=1\n";
  command.standard_input += ProbeScript();
  command.max_output = kMaxOutput;
  command.deadline = deadline;
  return command;
}

StatusOr<Facts> ProbeResult(const ssh::Exit& exit, std::string_view output,
                            std::string_view errors) {
  StatusOr<Facts> facts = ParseProbe(output);
  const std::string_view said = Trim(errors);
  if (facts.ok() || said.empty()) return facts;
  return absl::UnavailableError(fmt::format("reading the host's facts: sh ended with {}: {}",
                                            exit.code, Printable(said.substr(0, 200))));
}

ssh::Conversation::Next ProbeConversation::OnReady(Now) {
  return RunCommand{ProbeCommand(deadline_)};
}

ssh::Conversation::Next ProbeConversation::OnOutput(Now, std::string_view bytes, bool is_stderr) {
  (is_stderr ? errors_ : output_) += bytes;
  return Wait{};
}

ssh::Conversation::Next ProbeConversation::OnExit(Now, const ssh::Exit& exit) {
  result_ = ProbeResult(exit, output_, errors_);
  return Done{};
}

void ProbeConversation::OnFailed(const ssh::Failure& failure) {
  result_ = absl::UnavailableError(failure.detail);
}

}  // namespace fleetsync::facts
