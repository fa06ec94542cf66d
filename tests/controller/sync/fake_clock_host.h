#pragma once

#include <string>

#include "controller/ssh/conversation.h"
#include "fmt/format.h"
#include "tests/controller/sync/times.h"

namespace fleetsync::sync {

// A host whose clock is `behind` ours, `round_trip` away, read to a microsecond: answers the clock
// command's questions to whatever asks them.
struct FakeClockHost {
  Duration behind, round_trip;
  bool whole_seconds = false;
  Duration quiet_from = Duration::max();  // from when on answers take 300 us
  Duration at{};
  int questions = 0;

  template <typename Asker>
  void Answer(Asker& asker) {
    using ssh::Conversation;
    Conversation::Next next = asker.OnOutput(
        At(at), whole_seconds ? "fleetsync-clock seconds\n" : "fleetsync-clock shell\n", false);
    for (;;) {
      const auto* send = std::get_if<Conversation::Send>(&next);
      if (send == nullptr || send->end) return;
      ++questions;
      if (at >= quiet_from) round_trip = std::chrono::microseconds(300);
      at += round_trip;
      next = asker.OnOutput(At(at), Reading(send->bytes), false);
    }
  }

  std::string Reading(const std::string& question) const {
    const auto read = (At(at - round_trip / 2).system - behind).time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(read);
    const auto micro = std::chrono::duration_cast<std::chrono::microseconds>(read - seconds);
    const int number = std::stoi(question);
    if (whole_seconds) return fmt::format("{} {}\n", number, seconds.count());
    return fmt::format("{} {}.{:06}\n", number, seconds.count(), micro.count());
  }
};

}  // namespace fleetsync::sync
