#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/facts/facts.h"
#include "controller/ssh/conversation.h"
#include "controller/sync/clock_measurement.h"
#include "controller/sync/decide.h"
#include "controller/sync/host_result.h"
#include "controller/sync/reference.h"
#include "controller/sync/set_script.h"

namespace fleetsync::sync {

struct SyncRequest {
  std::string host;
  std::vector<std::string> servers;  // as the host asks them
  StepPolicy policy;
  bool dry_run = false;
  bool over_ssh = false;  // set by the measurement, not by the host's own tool
  Duration deadline = std::chrono::seconds(60);  // of each command
};

// One host of a sync-all over one connection: measure, decide, probe, set, measure again. A clock
// that is right costs one command. The host's word on its own offset is never taken: only the two
// measurements count. Pure.
class SyncConversation : public ssh::Conversation {
 public:
  // `reference` outlives the conversation.
  SyncConversation(SyncRequest request, const Reference& reference);

  Next OnReady(Now now) override;
  Next OnOutput(Now now, std::string_view bytes, bool is_stderr) override;
  Next OnExit(Now now, const ssh::Exit& exit) override;
  void OnFailed(const ssh::Failure& failure) override;

  const HostResult& result() const { return result_; }

 private:
  enum class State : uint8_t { kMeasureBefore, kProbe, kSet, kMeasureAfter };

  Next Measure(Now now, State state);
  Next OnMeasuredBefore(Now now);
  Next OnProbed(const ssh::Exit& exit);
  Next Set();
  Next OnSet(Now now, const ssh::Exit& exit);
  Next OnMeasuredAfter(Now now);
  // After a setting that left the clock off by `left`: chooses how to try again; false: give up.
  bool NextAttempt(Duration left);
  void TakeSetResult(const SetResult& set);
  Next Fail(std::string why);

  static constexpr int kMostTries = 3;

  SyncRequest request_;
  const Reference& reference_;
  State state_ = State::kMeasureBefore;
  HostResult result_;
  facts::Facts facts_;
  std::vector<Tool> tools_;
  size_t attempt_ = 0;  // index into tools_
  int tries_ = 0;
  ClockMeasurement measurement_;
  std::string output_, errors_;
  Duration latency_;
};

}  // namespace fleetsync::sync
