#include "agent/report/command_relay.h"

#include <algorithm>

namespace fleetsync::report {
namespace {

constexpr size_t kRemembered = 256;

}  // namespace

bool CommandRelay::IsNew(uint64_t id) {
  if (std::find(done_.begin(), done_.end(), id) != done_.end()) return false;
  if (done_.size() == kRemembered) done_.pop_front();
  done_.push_back(id);
  return true;
}

std::optional<LocalMessage> CommandRelay::ToTimeProcess(const v1::Command& command) {
  LocalMessage message{.number = command.id()};
  switch (command.command_case()) {
    case v1::Command::kSyncNow:
      message.kind = LocalMessage::Kind::kSyncNow;
      message.flags = command.sync_now().allow_backward() ? LocalMessage::kAllowBackward : 0;
      message.limit = command.sync_now().largest_step_ns();
      break;
    case v1::Command::kSetInterval:
      message.kind = LocalMessage::Kind::kSetInterval;
      message.limit = command.set_interval().report_interval_ms();
      break;
    case v1::Command::kReload:
      message.kind = LocalMessage::Kind::kRestart;
      break;
    default:
      return std::nullopt;
  }
  if (!IsNew(command.id())) return std::nullopt;
  return message;
}

std::optional<v1::CommandResult> CommandRelay::Refusal(const v1::Command& command) {
  if (command.command_case() != v1::Command::COMMAND_NOT_SET) return std::nullopt;
  v1::CommandResult result;
  result.set_id(command.id());
  result.set_outcome(v1::COMMAND_OUTCOME_FAILED);
  result.set_text("this agent is older than the command; upgrade it");
  return result;
}

v1::CommandResult CommandRelay::ToController(const LocalMessage& message) {
  v1::CommandResult result;
  result.set_id(message.number);
  const int outcome = static_cast<int>(message.flags);
  result.set_outcome(v1::CommandOutcome_IsValid(outcome) ? static_cast<v1::CommandOutcome>(outcome)
                                                         : v1::COMMAND_OUTCOME_FAILED);
  result.set_text(message.Text());
  result.set_offset_before_ns(message.offset_before);
  result.set_offset_after_ns(message.offset_after);
  result.set_error_bound_ns(message.error_bound);
  return result;
}

}  // namespace fleetsync::report
