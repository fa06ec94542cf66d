#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "controller/observe/observation.h"
#include "controller/ssh/conversation.h"
#include "controller/sync/clock_session.h"
#include "controller/sync/sample_set.h"

namespace fleetsync::observe {

// What was learnt of one host over one connection.
struct LiveResult {
  // Of this machine's clock from the host's, when it was measured; why not, else.
  StatusOr<sync::Estimate> ours_from_host = absl::UnavailableError("not measured");
  Now measured_at{};
  // What its daemon says; why it could not be asked, else.
  StatusOr<Observation> observation = absl::UnavailableError("not asked");
};

// Measures a host's clock, then asks its time daemon, on one connection. Pure.
class LiveConversation : public ssh::Conversation {
 public:
  // `wanted`: the bound at which measuring may stop. `deadline`: of each command.
  LiveConversation(Duration wanted, Duration deadline) : session_(wanted), deadline_(deadline) {}

  Next OnReady(Now now) override;
  Next OnOutput(Now now, std::string_view bytes, bool is_stderr) override;
  Next OnExit(Now now, const ssh::Exit& exit) override;
  void OnFailed(const ssh::Failure& failure) override;

  const LiveResult& result() const { return result_; }

 private:
  sync::ClockSession session_;
  Duration deadline_;
  bool asking_ = false;
  std::string output_, errors_;
  LiveResult result_;
};

}  // namespace fleetsync::observe
