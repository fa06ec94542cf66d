#pragma once

#include <string>

#include "base/status.h"
#include "controller/facts/facts.h"
#include "controller/observe/observation.h"
#include "controller/ssh/conversation.h"

namespace fleetsync::doctor {

// Reads what a host is and what its daemon says, over one connection. Changes nothing. Pure.
class Conversation : public ssh::Conversation {
 public:
  explicit Conversation(Duration deadline) : deadline_(deadline) {}

  Next OnReady(Now now) override;
  Next OnOutput(Now now, std::string_view bytes, bool is_stderr) override;
  Next OnExit(Now now, const ssh::Exit& exit) override;
  void OnFailed(const ssh::Failure& failure) override;

  const StatusOr<facts::Facts>& facts() const { return facts_; }
  const StatusOr<observe::Observation>& observation() const { return observation_; }

 private:
  Duration deadline_;
  bool asking_ = false;  // the daemon; before, the host
  std::string output_, errors_;
  StatusOr<facts::Facts> facts_ = absl::UnavailableError("not asked");
  StatusOr<observe::Observation> observation_ = absl::UnavailableError("not asked");
};

}  // namespace fleetsync::doctor
