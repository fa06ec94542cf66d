#include "controller/doctor/conversation.h"

#include "controller/facts/probe_conversation.h"
#include "controller/observe/observe_conversation.h"

namespace fleetsync::doctor {
namespace {

constexpr size_t kLongestErrors = 4096;

}  // namespace

Conversation::Next Conversation::OnReady(Now) { return RunCommand{facts::ProbeCommand(deadline_)}; }

Conversation::Next Conversation::OnOutput(Now, std::string_view bytes, bool is_stderr) {
  if (!is_stderr) {
    output_ += bytes;
  } else if (errors_.size() < kLongestErrors) {
    errors_ += bytes;
  }
  return Wait{};
}

Conversation::Next Conversation::OnExit(Now, const ssh::Exit& exit) {
  if (asking_) {
    observation_ = observe::ObserveResult(output_, errors_);
    return Done{};
  }
  facts_ = facts::ProbeResult(exit, output_, errors_);
  if (!facts_.ok()) return Done{};
  asking_ = true;
  output_.clear();
  errors_.clear();
  return RunCommand{observe::ObserveCommand(deadline_)};
}

void Conversation::OnFailed(const ssh::Failure& failure) {
  const Status status = absl::UnavailableError(ssh::ToString(failure));
  if (asking_) {
    observation_ = status;
  } else {
    facts_ = status;
  }
}

}  // namespace fleetsync::doctor
