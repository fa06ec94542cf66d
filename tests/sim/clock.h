#pragma once

#include <random>

#include "base/time.h"
#include "proto/ntp/packet.h"

namespace fleetsync::sim {

using Random = std::mt19937_64;

// When every simulation begins: 2027-01-31 00:00 UTC, a day before the end of a month.
constexpr SystemTime kEpoch{std::chrono::seconds(1'801'353'600)};

// What an oscillator does wrong. Fractions, not ppm.
struct OscillatorConfig {
  double frequency = 0;  // constant error
  double wander = 0;     // random walk of the frequency, per square root of a second
  double sine = 0;       // amplitude of a temperature's swing
  double sine_period = 86'400;
  double shock = 0;     // a change of the frequency, once
  double shock_at = 0;  // seconds
};

// A host's clocks over true time: the raw one that the oscillator drives, and the system clock that
// is steered as adjtimex(2) lets it: a frequency, a phase that the kernel takes away a quarter of
// each second (STA_PLL | STA_FREQHOLD, time constant 0), steps. Advances second by second.
class HostClock {
 public:
  // At true time 0 the system clock is `ahead` of the truth.
  HostClock(const OscillatorConfig& config, Duration ahead, uint64_t seed);

  // `seconds` of true time, not before the last call, at most one second further.
  void AdvanceTo(double seconds);
  // When, within the current second, the raw clock will show `raw`; the second's end if later.
  double WhenRaw(Duration raw) const;

  Now Read() const;
  // The system clock less the truth, seconds.
  double Error() const { return raw_ + steered_ - true_; }
  double RawError() const { return raw_ - true_; }
  double true_seconds() const { return true_; }
  double frequency() const { return frequency_; }

  void Step(Duration offset) { steered_ += ToSeconds(offset); }
  void Adjust(Ppm frequency, Duration slew);
  // STA_INS and STA_DEL: the kernel moves the clock at the end of the clock's UTC day.
  void Announce(ntp::Leap leap);
  // The machine sleeps: the raw clock stands still; the system clock is right afterwards but for
  // what it was wrong before.
  void Sleep(double seconds);
  // A virtual machine is paused: both clocks stand still, and nothing is right afterwards.
  void Pause(double seconds);

 private:
  void OnSecond();
  void ApplyLeap();

  OscillatorConfig config_;
  Random random_;
  std::normal_distribution<double> normal_;
  double walked_ = 0;
  double frequency_ = 0;  // of the raw clock this second
  double true_ = 0;
  double raw_ = 0;      // less what it slept, as true_
  double steered_ = 0;  // the system clock less the raw clock
  double slept_ = 0;
  double rate_ = 0;  // of steered_, per second of the raw clock: what was asked for
  double phase_left_ = 0;
  ntp::Leap leap_ = ntp::Leap::kNone;
  double leap_at_ = 0;     // as the system clock shows it, seconds since the start
  double phase_rate_ = 0;  // of the kernel's slew in this second
};

}  // namespace fleetsync::sim
