#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "controller/doctor/answers.h"
#include "controller/facts/facts.h"
#include "controller/observe/observation.h"
#include "controller/ssh/conversation.h"

namespace fleetsync::doctor {

// Reads what a host is, what its daemon says and what else the rules need, over one connection.
// Changes nothing. Pure.
class Conversation : public ssh::Conversation {
 public:
  explicit Conversation(Duration deadline) : deadline_(deadline) {}

  Next OnReady(Now now) override;
  Next OnOutput(Now now, std::string_view bytes, bool is_stderr) override;
  Next OnExit(Now now, const ssh::Exit& exit) override;
  void OnFailed(const ssh::Failure& failure) override;

  const StatusOr<facts::Facts>& facts() const { return facts_; }
  const StatusOr<observe::Observation>& observation() const { return observation_; }

  const StatusOr<HostAnswers>& answers() const { return answers_; }
  // How far the host's clock is ahead of this machine's, at least: zero when that cannot be told
  // from the time that the question took. Nothing when the host did not tell the time.
  std::optional<Duration> ahead() const { return ahead_; }

 private:
  enum class Step : uint8_t { kFacts, kDaemon, kQuestions };

  Next Ask(Step step, ssh::Command command);

  Duration deadline_;
  Step step_ = Step::kFacts;
  SystemTime asked_at_{};
  std::optional<Duration> ahead_;
  std::string output_, errors_;
  StatusOr<facts::Facts> facts_ = absl::UnavailableError("not asked");
  StatusOr<observe::Observation> observation_ = absl::UnavailableError("not asked");
  StatusOr<HostAnswers> answers_ = absl::UnavailableError("not asked");
};

}  // namespace fleetsync::doctor
