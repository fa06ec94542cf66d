#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "agent/engine/config.h"
#include "base/time.h"

namespace fleetsync::ntp {

// The system clock less the raw clock.
constexpr Duration SystemAhead(const Now& now) {
  return now.system.time_since_epoch() - now.mono.time_since_epoch();
}

// One source's word about the raw clock.
struct Observation {
  MonoTime at;
  Duration ahead{};         // of the source, of the raw clock (its reading less `at`)
  double variance = 0;      // of the error that differs from sample to sample, square seconds
  bool usual = true;        // its error is like that of others: it may tell how good a filter is
  double bias_sigma = 0;    // of the source's constant error (an uneven path), seconds
  double bias_limit = 1e9;  // which it cannot exceed: half the round trip and the like, seconds
  double half_delay = 0;    // which this sample's own error cannot exceed, seconds
};

// What the clock is believed to be at one moment.
struct Belief {
  Duration ahead{};      // true time less the raw clock
  double frequency = 0;  // how fast it grows, seconds a second
  double sigma = 0;      // standard deviation of `ahead`, uneven paths included, seconds
  double frequency_sigma = 0;
  double wander = 0;  // of the frequency, per square root of a second
};

// Offset and frequency of the raw clock from the samples of several sources.
//
// State: offset and frequency of the clock, and a constant bias for each source. The frequency
// walks at random, by how much is not known: a bank of Kalman filters, each with a wander of its
// own, runs in parallel; how well each has foretold the samples weights it (Magill's multiple
// model estimator). docs/engine.md has the equations. Pure.
class Estimator {
 public:
  Estimator(size_t sources, std::optional<Drift> drift);

  enum class Taken {
    kUsed,
    kOutlier,   // far from what was foretold: set aside, unless more of its kind follow
    kNewStart,  // the clock or the source has jumped: what was believed of it is given up
  };
  Taken Add(size_t source, const Observation& observation);

  // The source is another server or path from now on, or is not believed any more.
  void Forget(size_t source);
  // A source that was discarded has lied for a while, and the others seemed to be wrong: their
  // constant errors are again such that their median is 0, each counting as its like is usually
  // right.
  void Recentre();
  // The raw clock has stood still (the machine slept): its frequency is still known.
  void ForgetOffset();
  // True time itself was moved: a leap second.
  void Shift(Duration by) { anchor_ += by; }

  bool KnowsOffset() const { return offset_known_; }
  // Not before the last sample. Requires KnowsOffset().
  Belief At(MonoTime t) const;
  // What `source` says, noise apart: its constant error as far as it is known, and how far from
  // the truth, apart from the path's unevenness, the true time and that error together may be.
  // Seconds; not before the last sample.
  struct Track {
    double bias = 0;
    double reach = 0;  // but for one moment in 2000, if the waits are as believed
    double worst = 0;  // whatever the law of the waits: half of the round trips it was learned from
    double growth = 0;  // of `reach`, since the last sample
  };
  Track TrackOf(size_t source, MonoTime t) const;
  // Its samples are part of the belief.
  bool Uses(size_t source) const { return sources_[source].bias_variance > 0; }
  // How many times larger than the filters say the errors of late were; at least 1. The oscillator
  // then does what a random walk does not (a machine that warms up).
  double Strain() const;
  // How far the last outliers lay from what was foretold, seconds; 0: none are set aside.
  double Doubt() const;

 private:
  struct Hypothesis {
    double wander = 0;
    double log_weight = 0;
    std::vector<double> x;  // offset, frequency, biases
    std::vector<double> p;  // their covariances, row by row
  };
  struct SourceState {
    double bias_variance = 0;  // 0: not seen yet
    double bias_limit = 0;
    int outliers = 0;  // in a row
    double last_innovation = 0;
    double outlier_variance = 0;  // of the first of them
    double first_outlier_at = 0;  // seconds since epoch_
    double last_used_at = 0;
    double worst = 0;  // Track::worst
  };

  double SecondsAt(MonoTime t) const { return ToSeconds(t - epoch_); }
  void Predict(Hypothesis& h, double seconds) const;
  void SetVariance(size_t index, double variance);
  void Inflate(size_t index, double variance);
  std::vector<double> Weights() const;
  double Surprise(size_t source, double z, double variance) const;
  void Update(size_t source, double z, const Observation& observation);
  // What each source says now, as the true time less anchor_.
  std::vector<double> Words() const;
  double GainOf(size_t source, double variance) const;
  void BoundWords(size_t source, double z, double gain, double half_delay,
                  const std::vector<double>& before);
  void Begin(size_t source, const Observation& observation);
  Taken Judge(size_t source, double z);
  double MeanOf(size_t index) const;
  double ReachOf(size_t source, double seconds) const;
  // Each of the other sources could be that wrong, seconds, without a lie.
  bool OthersMayBeWrong(size_t source, double by) const;
  void BlameOthers(size_t source, double innovation);
  // Of the sources in use, one has been heard since the first outlier of `doubted`, and fits.
  bool AnotherAgrees(const SourceState& doubted) const;
  bool OthersSilentSince(const SourceState& doubted) const;

  size_t size_;  // of the state
  std::vector<Hypothesis> bank_;
  std::vector<SourceState> sources_;
  bool offset_known_ = false;
  MonoTime epoch_{};
  Duration anchor_{};  // offsets are kept as seconds from this
  double misfit_ = 1;  // mean square of the last innovations over what was foretold
  double time_ = 0;    // of the state, seconds since epoch_
};

}  // namespace fleetsync::ntp
