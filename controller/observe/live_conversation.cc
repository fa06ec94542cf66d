#include "controller/observe/live_conversation.h"

#include "controller/observe/observe_conversation.h"

namespace fleetsync::observe {
namespace {

constexpr size_t kLongestErrors = 4096;

}  // namespace

LiveConversation::Next LiveConversation::OnReady(Now now) {
  return RunCommand{session_.Start(now, deadline_)};
}

LiveConversation::Next LiveConversation::OnOutput(Now now, std::string_view bytes, bool is_stderr) {
  if (!asking_) {
    result_.measured_at = now;
    return session_.OnOutput(now, bytes, is_stderr);
  }
  if (!is_stderr) {
    output_ += bytes;
  } else if (errors_.size() < kLongestErrors) {
    errors_ += bytes;
  }
  return Wait{};
}

LiveConversation::Next LiveConversation::OnExit(Now, const ssh::Exit& exit) {
  if (!asking_) {
    result_.ours_from_host = session_.Finish(exit);
    asking_ = true;
    return RunCommand{ObserveCommand(deadline_)};
  }
  result_.observation = ObserveResult(output_, errors_);
  return Done{};
}

void LiveConversation::OnFailed(const ssh::Failure& failure) {
  const Status status = absl::UnavailableError(ssh::ToString(failure));
  if (asking_) {
    result_.observation = status;
  } else {
    result_.ours_from_host = status;
  }
}

}  // namespace fleetsync::observe
