#include "agent/engine/ensemble.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fleetsync::ntp {
namespace {

// Of a path's shortest round trip: how uneven its two ways commonly are.
constexpr double kCommonAsymmetry = 0.02;
// Of what a server says it may be wrong by: how wrong it commonly is.
constexpr double kCommonError = 0.05;
constexpr double kRateSigmas = 3;
constexpr double kLeastRateUncertainty = 1e-6;
// A frequency with a smaller standard deviation has been learned; before, it is what oscillators
// usually have, and this one may be another.
constexpr double kLearned = 2e-6;
constexpr double kWorthKeeping = 1e-6;

// The source takes its time from another that is followed: it tells nothing new, and two relays
// that average each other would wander off together.
bool IsSecondHand(size_t source, std::span<const Association> sources, const Picture& picture) {
  for (size_t i = 0; i < sources.size(); ++i) {
    if (i == source || !picture.Follows(i)) continue;
    if (sources[i].stratum() < sources[source].stratum() &&
        sources[source].reference_id() == ReferenceIdOf(*sources[i].address())) {
      return true;
    }
  }
  return false;
}

struct Fresh {
  size_t source;
  Sample sample;
};

// The first sample is where the offset comes from: one of the source that can be least wrong.
void BeginWithTheNearest(std::span<const Association> sources, std::vector<Fresh>& fresh) {
  const auto nearest =
      std::min_element(fresh.begin(), fresh.end(), [&](const Fresh& a, const Fresh& b) {
        return Ensemble::BiasSigma(sources[a.source], a.sample) <
               Ensemble::BiasSigma(sources[b.source], b.sample);
      });
  if (nearest == fresh.end()) return;
  const size_t source = nearest->source;
  fresh.erase(fresh.begin(), std::find_if(fresh.begin(), fresh.end(),
                                          [&](const Fresh& f) { return f.source == source; }));
}

}  // namespace

Ensemble::Ensemble(size_t sources, std::optional<Drift> drift)
    : estimator_(sources, drift), fed_until_(sources, MonoTime::min()) {}

double Ensemble::BiasSigma(const Association& a, const Sample& sample) {
  return kCommonAsymmetry * (a.delays().base() + ToSeconds(sample.root_delay)) / 2 +
         kCommonError * ToSeconds(sample.root_dispersion);
}

Estimator::Taken Ensemble::FeedOne(size_t source, const Association& a, const Sample& sample) {
  const double delay = ToSeconds(sample.delay);
  fed_until_[source] = sample.at.mono;
  return estimator_.Add(source,
                        {.at = sample.at.mono - sample.delay / 2,
                         .ahead = sample.offset + SystemAhead(sample.at),
                         .variance = a.delays().Variance(delay),
                         .usual = a.delays().IsUsual(delay),
                         .bias_sigma = BiasSigma(a, sample),
                         .bias_limit = a.delays().Shortest() / 2 + ToSeconds(a.root_distance()),
                         .half_delay = delay / 2});
}

Ensemble::Fed Ensemble::Feed(Now now, std::span<Association> sources, const Picture& picture) {
  std::vector<Fresh> fresh;
  bool discarded = false;
  for (size_t i = 0; i < sources.size(); ++i) {
    const bool followed = picture.Follows(i) && !IsSecondHand(i, sources, picture);
    // One that is gone vouches for nothing any more, unless all are: then it is all there is.
    if (picture.selected && !followed && Uses(i)) {
      estimator_.Forget(i);
      discarded |= picture.states[i] == SourceState::kFalseticker;
    }
    if (!followed) continue;
    for (const Sample& sample : sources[i].samples())
      if (sample.at.mono > fed_until_[i]) fresh.push_back({i, sample});
  }
  if (discarded) estimator_.Recentre();
  std::sort(fresh.begin(), fresh.end(),
            [](const Fresh& a, const Fresh& b) { return a.sample.at.mono < b.sample.at.mono; });
  if (!known()) BeginWithTheNearest(sources, fresh);
  Fed fed{.any = !fresh.empty()};
  for (const Fresh& f : fresh) {
    const Estimator::Taken taken = FeedOne(f.source, sources[f.source], f.sample);
    fed.outliers |= taken != Estimator::Taken::kUsed;
    fed.jumped |= taken == Estimator::Taken::kNewStart;
    if (taken == Estimator::Taken::kUsed) sources[f.source].Pace(At(now.mono));
  }
  return fed;
}

std::optional<SampleFilter::Rate> Ensemble::KnownRate(Now now) const {
  if (!estimator_.KnowsOffset()) return std::nullopt;
  const Belief belief = estimator_.At(now.mono);
  if (belief.frequency_sigma > kLearned) return std::nullopt;
  return SampleFilter::Rate{belief.frequency,
                            kRateSigmas * belief.frequency_sigma + kLeastRateUncertainty};
}

std::optional<Drift> Ensemble::LearnedDrift(Now now) const {
  if (!estimator_.KnowsOffset()) return std::nullopt;
  const Belief belief = estimator_.At(now.mono);
  if (belief.frequency_sigma > kWorthKeeping) return std::nullopt;
  return Drift{{belief.frequency * 1e6}, {belief.frequency_sigma * 1e6}};
}

// The true time is on the way of each source that is followed, wherever the shortest round trip
// lets it be, and we know each source's word up to its noise.
Duration Ensemble::BoundAt(Now now, std::span<const Association> sources) const {
  const Belief belief = estimator_.At(now.mono);
  const Duration offset = belief.ahead - SystemAhead(now);
  double best = std::numeric_limits<double>::infinity();
  Duration worst_case = Duration::max();
  for (size_t i = 0; i < sources.size(); ++i) {
    if (!estimator_.Uses(i) || sources[i].delays().empty()) continue;
    const Estimator::Track track = estimator_.TrackOf(i, now.mono);
    const double path = sources[i].delays().Shortest() / 2;
    const double strain = estimator_.Strain();
    const double wrong = std::max(path + strain * track.reach, track.worst + strain * track.growth);
    best = std::min(best, std::abs(track.bias) + wrong + ToSeconds(sources[i].root_distance()));
    if (const auto e = sources[i].At(now, std::nullopt))
      worst_case = std::min(worst_case, Abs(e->offset - offset) + e->error_bound);
  }
  const Duration bound = FromSeconds(std::min(best + estimator_.Doubt(), 1e6));
  const bool learned = belief.frequency_sigma < kLearned || worst_case == Duration::max();
  return learned ? bound : std::max(bound, worst_case);
}

}  // namespace fleetsync::ntp
