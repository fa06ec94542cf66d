#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <random>

#include "base/time.h"
#include "controller/serve/ingest.h"

namespace fleetsync::serve {

// What the controller has measured of a host's clock.
struct ClockEstimate {
  SystemTime at;           // the controller's clock
  Duration offset{};       // of the controller's clock from the host's
  Duration error_bound{};  // |true offset - offset| is at most this
};

// Measures a host's clock over its stream: four stamps a question, of which the controller trusts
// its own two. A burst at first, then one question a minute, at an instant of each stream's own.
// The sample with the narrowest bound counts, grown by what the clocks may have drifted apart
// since; a sample that contradicts it (a clock was set) ends it. Pure; not thread-safe.
class StreamClock {
 public:
  // Nothing is asked before `start`. `seed`: of the questions' numbers and the instants.
  StreamClock(MonoTime start, uint64_t seed) : random_(seed), due_(start) {}

  // When Ask or OnTimeout is to be called next.
  MonoTime due() const { return due_; }

  // A question leaves now: its number. One that was not answered in time is given up.
  uint64_t Ask(Now now);

  // Nothing: the answer is to no question that is open, its stamps cannot be, or more of the burst
  // is to come.
  std::optional<ClockEstimate> OnAnswer(Now now, const HostStamps& stamps);

 private:
  struct Sample {
    MonoTime at;
    Duration offset{};
    Duration error_bound{};

    // By `now`.
    Duration BoundAt(MonoTime now) const;
  };

  void Keep(const Sample& sample);
  ClockEstimate Best(Now now) const;

  std::mt19937_64 random_;
  MonoTime due_;
  std::optional<uint64_t> open_;  // the question that is not answered yet
  MonoTime asked_;
  int in_burst_ = 0;  // questions of the burst that were asked
  std::deque<Sample> samples_;
};

}  // namespace fleetsync::serve
