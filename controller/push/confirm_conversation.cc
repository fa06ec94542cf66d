#include "controller/push/confirm_conversation.h"

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::push {
namespace {

constexpr size_t kMaxOutput = size_t{16} << 10;

}  // namespace

ssh::Conversation::Next ConfirmConversation::OnReady(Now) {
  ssh::Command command;
  command.line = plan::ConfirmCommand(options_.apply);
  command.max_output = kMaxOutput;
  command.deadline = options_.deadline;
  ++result_.round_trips;
  return RunCommand{std::move(command)};
}

ssh::Conversation::Next ConfirmConversation::OnOutput(Now, std::string_view bytes, bool is_stderr) {
  if (!is_stderr) output_ += bytes;
  return Wait{};
}

ssh::Conversation::Next ConfirmConversation::OnExit(Now, const ssh::Exit& exit) {
  const plan::ApplyResult confirmed = plan::ParseApplyResult(output_);
  if (confirmed.outcome == plan::ApplyResult::Outcome::kDone) {
    result_.provisional = false;
  } else {
    Fail(confirmed.why.empty() ? fmt::format("confirming the change ended with {}", exit.code)
                               : confirmed.why);
  }
  return Done{};
}

void ConfirmConversation::OnFailed(const ssh::Failure& failure) {
  Fail("no new connection after the change of the firewall: " + Printable(failure.detail));
  result_.fault = ssh::ToString(failure.fault);
}

void ConfirmConversation::Fail(std::string why) {
  result_.outcome = Outcome::kFailed;
  result_.stage = "confirm";
  result_.why = fmt::format("{}; the host goes back by itself, {} s after the change",
                            std::move(why), options_.apply.confirm_s);
  result_.next_step = "look whether the host can be reached then, and push again";
  result_.undo = plan::ApplyResult::Undo::kUnknown;
}

}  // namespace fleetsync::push
