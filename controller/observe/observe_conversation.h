#pragma once

#include <string>

#include "base/status.h"
#include "controller/observe/observation.h"
#include "controller/ssh/conversation.h"

namespace fleetsync::observe {

// The command that asks a host's time daemons.
ssh::Command ObserveCommand(Duration deadline);

// What came of it. Unavailable, with the host's last words, when the shell failed.
StatusOr<Observation> ObserveResult(const std::string& output, std::string_view errors);

// Asks one host's time daemon and nothing else. Pure.
class ObserveConversation : public ssh::Conversation {
 public:
  explicit ObserveConversation(Duration deadline) : deadline_(deadline) {}

  Next OnReady(Now now) override;
  Next OnOutput(Now now, std::string_view bytes, bool is_stderr) override;
  Next OnExit(Now now, const ssh::Exit& exit) override;
  void OnFailed(const ssh::Failure& failure) override;

  const StatusOr<Observation>& result() const { return result_; }

 private:
  Duration deadline_;
  std::string output_, errors_;
  StatusOr<Observation> result_ = absl::UnavailableError("not asked");
};

}  // namespace fleetsync::observe
