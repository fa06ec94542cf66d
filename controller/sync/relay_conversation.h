#pragma once

#include <string>

#include "controller/ssh/conversation.h"
#include "controller/sync/clock_measurement.h"
#include "controller/sync/reference.h"

namespace fleetsync::sync {

// What the time daemon on a host says of itself, from the answers of `chronyc -c tracking` and
// `ntpq -c rv`: kind, stratum and detail of `relay`. kSilent when there was no such answer. Pure.
void ReadDaemonState(std::string_view output, RelayState& relay);

// A relay that does not answer UDP 123 from here, seen over SSH: its daemon is asked whether it is
// synchronised, and its clock is measured like any host's. Pure.
class RelayConversation : public ssh::Conversation {
 public:
  RelayConversation(RelayState relay, Duration deadline)
      : relay_(std::move(relay)), deadline_(deadline), measurement_(kTolerance, deadline) {}

  Next OnReady(Now now) override;
  Next OnOutput(Now now, std::string_view bytes, bool is_stderr) override;
  Next OnExit(Now now, const ssh::Exit& exit) override;
  void OnFailed(const ssh::Failure& failure) override;

  const RelayState& relay() const { return relay_; }

 private:
  static constexpr Duration kTolerance = std::chrono::milliseconds(4);  // finer than most hosts'

  RelayState relay_;
  Duration deadline_;
  ClockMeasurement measurement_;
  bool measuring_ = false;
  std::string output_;
};

}  // namespace fleetsync::sync
