#pragma once

#include <string>
#include <utility>

#include "controller/push/push_conversation.h"

namespace fleetsync::push {

// Confirms, over a connection made anew, a change that may have cut the host off. Without it the
// host goes back by itself. Pure.
class ConfirmConversation : public ssh::Conversation {
 public:
  // `provisional`: what the push came to.
  ConfirmConversation(PushResult provisional, PushOptions options)
      : options_(std::move(options)), result_(std::move(provisional)) {}

  Next OnReady(Now now) override;
  Next OnOutput(Now now, std::string_view bytes, bool is_stderr) override;
  Next OnExit(Now now, const ssh::Exit& exit) override;
  void OnFailed(const ssh::Failure& failure) override;

  // The push's, confirmed or failed.
  const PushResult& result() const { return result_; }

 private:
  void Fail(std::string why);

  PushOptions options_;
  PushResult result_;
  std::string output_;
};

}  // namespace fleetsync::push
