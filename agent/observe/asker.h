#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "agent/observe/dialogue.h"
#include "base/time.h"

namespace fleetsync::observe {

// Carries a dialogue on: sends each request at most three times, and gives up half a second after
// the first. Does no I/O and reads no clock. Not thread-safe.
class Asker {
 public:
  explicit Asker(std::unique_ptr<Dialogue> dialogue) : dialogue_(std::move(dialogue)) {}

  // The datagram that must be sent now; empty: none. Called at the start, after every event, and at
  // NextTimer().
  std::span<const std::byte> TakeRequest(MonoTime now);
  void OnDatagram(Now now, std::span<const std::byte> wire);
  // The network says that nobody listens, or that nothing can be sent.
  void OnError(std::string_view why);

  bool over() const { return dialogue_->Request().empty(); }
  MonoTime NextTimer() const { return over() ? MonoTime::max() : due_; }
  const DaemonState& state() const { return dialogue_->state(); }

 private:
  std::unique_ptr<Dialogue> dialogue_;
  MonoTime due_{};  // when the request is sent again, or given up
  int sent_ = 0;    // how often it was
};

}  // namespace fleetsync::observe
