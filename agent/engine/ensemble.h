#pragma once

#include <optional>
#include <span>
#include <vector>

#include "agent/engine/association.h"
#include "agent/engine/estimator.h"
#include "agent/engine/picture.h"
#include "base/time.h"

namespace fleetsync::ntp {

// What all followed sources together tell of the clock, and how wrong that may be.
class Ensemble {
 public:
  Ensemble(size_t sources, std::optional<Drift> drift);

  struct Fed {
    bool any = false;       // new samples came in
    bool outliers = false;  // some were far from what was foretold
    bool jumped = false;    // the clock has jumped, as it seems
  };
  // Takes the samples of the followed sources that it has not seen, and tells these how often to
  // ask.
  Fed Feed(Now now, std::span<Association> sources, const Picture& picture);

  bool known() const { return estimator_.KnowsOffset(); }
  // The rest requires known().
  Belief At(MonoTime t) const { return estimator_.At(t); }
  // |true offset of the system clock - what is believed of it| is at most this.
  Duration BoundAt(Now now, std::span<const Association> sources) const;

  // None until it has been learned.
  std::optional<SampleFilter::Rate> KnownRate(Now now) const;
  std::optional<Drift> LearnedDrift(Now now) const;
  bool Uses(size_t source) const { return estimator_.Uses(source); }

  void Forget(size_t source) { estimator_.Forget(source); }
  void ForgetOffset() { estimator_.ForgetOffset(); }
  void Shift(Duration by) { estimator_.Shift(by); }

  // How uneven the source's path and how wrong the source itself commonly is, seconds.
  static double BiasSigma(const Association& from, const Sample& sample);

 private:
  Estimator::Taken FeedOne(size_t source, const Association& from, const Sample& sample);

  Estimator estimator_;
  std::vector<MonoTime> fed_until_;  // the newest sample of each source that has been taken
};

}  // namespace fleetsync::ntp
