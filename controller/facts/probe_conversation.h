#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/facts/facts.h"
#include "controller/ssh/conversation.h"

namespace fleetsync::facts {

enum class Scope : uint8_t { kAll, kClock, kPush };

struct ProbeRequest {
  Scope scope = Scope::kAll;
  bool keys = false;  // checksums of key files, too
  // The fingerprint of an earlier probe with the scope of a push: while it holds, nothing else is
  // read. Empty: not known.
  std::string settled = {};
};

// The command that runs the probe, for a conversation of one's own.
ssh::Command ProbeCommand(Duration deadline, const ProbeRequest& request = {});

// The facts from a probe that has ended. Unavailable when the shell failed; else as ParseProbe.
StatusOr<Facts> ProbeResult(const ssh::Exit& exit, std::string_view output,
                            std::string_view errors);

// Probes one host and nothing else.
class ProbeConversation : public ssh::Conversation {
 public:
  explicit ProbeConversation(Duration deadline) : deadline_(deadline) {}

  Next OnReady(Now now) override;
  Next OnOutput(Now now, std::string_view bytes, bool is_stderr) override;
  Next OnExit(Now now, const ssh::Exit& exit) override;
  void OnFailed(const ssh::Failure& failure) override;

  // Cancelled while the probe has not ended.
  const StatusOr<Facts>& result() const { return result_; }

 private:
  Duration deadline_;
  std::string output_, errors_;
  StatusOr<Facts> result_ = absl::CancelledError("the host was not probed");
};

}  // namespace fleetsync::facts
