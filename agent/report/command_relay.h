#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "agent/report/local_message.h"
#include "proto/fleetsync/v1/fleet.pb.h"

namespace fleetsync::report {

// Turns the controller's commands into what the time process is told, each once, and its answers
// into the controller's. Pure; not thread-safe.
class CommandRelay {
 public:
  // What the time process is told; none: it was told before, or it is not its business.
  std::optional<LocalMessage> ToTimeProcess(const v1::Command& command);
  // What the controller is told at once of a command that nobody here knows; none: it is known.
  static std::optional<v1::CommandResult> Refusal(const v1::Command& command);
  // Of a message of kind kResult.
  static v1::CommandResult ToController(const LocalMessage& result);

 private:
  bool IsNew(uint64_t id);

  std::deque<uint64_t> done_;
};

}  // namespace fleetsync::report
