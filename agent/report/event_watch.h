#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/engine/snapshot.h"
#include "base/time.h"
#include "proto/fleetsync/v1/fleet.pb.h"

namespace fleetsync::report {

// One look at the clocks.
struct ClockLook {
  Now now;
  Duration slept{};       // how long this machine was suspended since it started, in all
  Duration we_stepped{};  // what our own engine stepped the clock by since the last look
};

// Finds what happened between two looks at the clocks and between two states, and keeps it until
// the next report. Pure; not thread-safe.
//
// A step that our engine did not make is told from a slew by its size: two looks a second apart
// show steps from 110 ms on, since chronyd may slew by a twelfth; from 260 ms on while our engine
// keeps the clock, since the kernel takes a quarter of at most 500 ms away in a second. A step is
// the observed daemon's own (STEPPED) when it takes the clock to where the daemon said that the
// truth is; else somebody else's.
class EventWatch {
 public:
  // `we_keep_the_clock`: our own engine does, and lets the kernel slew it.
  explicit EventWatch(bool we_keep_the_clock = false) : we_keep_the_clock_(we_keep_the_clock) {}

  void OnStart(Now now);
  void OnClock(const ClockLook& look);
  // What is believed now, and who keeps the clock.
  void OnState(const ntp::Snapshot& snapshot, std::string_view daemon);

  // Something happened that is not left until the next report.
  bool urgent() const { return urgent_; }
  // How far somebody else stepped the clock since this was called last; zero: nobody did.
  Duration TakeForeignStep();
  // Since the report before, oldest first.
  std::vector<v1::Event> Take();

 private:
  void Add(Now now, v1::EventKind kind, Duration amount, std::string_view text);
  void OnStep(const ClockLook& look, Duration step, bool ours);
  void CompareSources(const ntp::Snapshot& snapshot);

  bool we_keep_the_clock_;
  std::vector<v1::Event> events_;
  bool urgent_ = false;
  std::optional<ClockLook> last_look_;
  Duration foreign_step_{};
  std::optional<std::string> daemon_;  // none: no state yet
  std::string selected_;
  std::vector<std::string> falsetickers_;
  std::vector<Duration> claims_;  // offsets that the last state holds possible
  bool panicking_ = false;
  ntp::Leap leap_ = ntp::Leap::kUnsynchronised;
};

}  // namespace fleetsync::report
