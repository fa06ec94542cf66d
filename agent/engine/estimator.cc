#include "agent/engine/estimator.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "agent/engine/mixture.h"

namespace fleetsync::ntp {
namespace {

// From an oven's to that of a machine whose fan starts and stops.
constexpr double kWanders[] = {1e-10, 3e-10, 1e-9, 3e-9, 1e-8, 3e-8, 1e-7, 3e-7};
constexpr size_t kOffset = 0;
constexpr size_t kFrequency = 1;
constexpr size_t kBias = 2;  // and what follows

constexpr double kUnknownFrequency = 20e-6;  // standard deviation, before anything is known
// ppm: how far a frequency is off after a restart (another temperature).
constexpr double kForgotten = 0.5;
constexpr double kMemory = 0.997;           // of the hypotheses' success, per sample
constexpr double kLeastLogWeight = -10;     // so that none takes hours to come back
constexpr double kMisfitMemory = 1.0 / 16;  // of the last samples
constexpr double kUsualMisfit = 1.5;        // in what chance alone makes of 1
constexpr double kRefutes = 9;              // times the outlier's variance
constexpr double kOutlier = 5;              // standard deviations
constexpr int kOutliersToBelieve = 2;       // in a row and to one side: no outliers any more
constexpr int kOutliersAlone = 6;           // the same, while other sources are silent
constexpr double kLeastCredible = 0.01;     // weight of a hypothesis: below, it is refuted
constexpr double kLeastVariance = 1e-24;    // square seconds
constexpr double kBeyondReach = 5e-4;       // of all moments: Track::reach is exceeded

}  // namespace

Estimator::Estimator(size_t sources, std::optional<Drift> drift)
    : size_(kBias + sources), sources_(sources) {
  const Drift known = drift.value_or(Drift{{0}, {kUnknownFrequency * 1e6}});
  for (const double wander : kWanders) {
    Hypothesis h{wander, 0, std::vector<double>(size_), std::vector<double>(size_ * size_)};
    h.x[kFrequency] = known.frequency.value * 1e-6;
    bank_.push_back(std::move(h));
  }
  const double sigma = std::hypot(known.skew.value, kForgotten) * 1e-6;
  SetVariance(kFrequency, sigma * sigma);
}

void Estimator::SetVariance(size_t index, double variance) {
  for (Hypothesis& h : bank_) {
    for (size_t i = 0; i < size_; ++i) h.p[i * size_ + index] = h.p[index * size_ + i] = 0;
    h.p[index * size_ + index] = variance;
  }
}

void Estimator::Inflate(size_t index, double variance) {
  for (Hypothesis& h : bank_) h.p[index * size_ + index] += variance;
}

void Estimator::Forget(size_t source) {
  sources_[source] = {};
  for (Hypothesis& h : bank_) h.x[kBias + source] = 0;
  SetVariance(kBias + source, 0);
}

void Estimator::Recentre() {
  std::vector<std::pair<double, double>> biases;  // with what each counts
  double all = 0;
  for (size_t s = 0; s < sources_.size(); ++s) {
    if (!Uses(s)) continue;
    biases.emplace_back(MeanOf(kBias + s), 1 / sources_[s].bias_variance);
    all += biases.back().second;
  }
  std::sort(biases.begin(), biases.end());
  const auto median = [all](auto begin, auto end) {
    double below = 0;
    for (auto i = begin; i != end; ++i)
      if ((below += i->second) >= all / 2) return i->first;
    return 0.0;
  };
  // Between an even number's two middle ones everything is a median.
  const double by =
      std::clamp(0.0, median(biases.begin(), biases.end()), median(biases.rbegin(), biases.rend()));
  for (Hypothesis& h : bank_) {
    h.x[kOffset] += by;
    for (size_t s = 0; s < sources_.size(); ++s)
      if (Uses(s)) h.x[kBias + s] -= by;
  }
}

void Estimator::ForgetOffset() { offset_known_ = false; }

void Estimator::Predict(Hypothesis& h, double seconds) const {
  if (seconds <= 0) return;
  h.x[kOffset] += h.x[kFrequency] * seconds;
  double* const offset_row = &h.p[kOffset * size_];
  const double* const frequency_row = &h.p[kFrequency * size_];
  for (size_t i = 0; i < size_; ++i) offset_row[i] += seconds * frequency_row[i];
  for (size_t i = 0; i < size_; ++i) h.p[i * size_] += seconds * h.p[i * size_ + kFrequency];
  const double q = h.wander * h.wander;
  h.p[0] += q * seconds * seconds * seconds / 3;
  h.p[kFrequency] += q * seconds * seconds / 2;
  h.p[kFrequency * size_] += q * seconds * seconds / 2;
  h.p[kFrequency * size_ + kFrequency] += q * seconds;
}

std::vector<double> Estimator::Weights() const {
  double best = bank_[0].log_weight;
  for (const Hypothesis& h : bank_) best = std::max(best, h.log_weight);
  std::vector<double> weights;
  double sum = 0;
  for (const Hypothesis& h : bank_) {
    weights.push_back(std::exp(h.log_weight - best));
    sum += weights.back();
  }
  for (double& w : weights) w /= sum;
  return weights;
}

double Estimator::Surprise(size_t source, double z, double variance) const {
  const std::vector<double> weights = Weights();
  const size_t b = kBias + source;
  double surprise = 0;
  for (size_t i = 0; i < bank_.size(); ++i) {
    const Hypothesis& h = bank_[i];
    const double spread = h.p[0] + 2 * h.p[b] + h.p[b * size_ + b] + variance;
    const double innovation = z - h.x[kOffset] - h.x[b];
    surprise += weights[i] * innovation * innovation / spread;
  }
  return std::sqrt(surprise);
}

void Estimator::Update(size_t source, double z, const Observation& o) {
  const size_t b = kBias + source;
  std::vector<double> gain(size_);
  for (Hypothesis& h : bank_) {
    for (size_t i = 0; i < size_; ++i) gain[i] = h.p[i * size_] + h.p[i * size_ + b];
    const double spread = gain[kOffset] + gain[b] + o.variance;
    const double innovation = z - h.x[kOffset] - h.x[b];
    if (o.usual) {
      h.log_weight =
          kMemory * h.log_weight - 0.5 * (std::log(spread) + innovation * innovation / spread);
    }
    for (size_t i = 0; i < size_; ++i) h.x[i] += gain[i] / spread * innovation;
    for (size_t i = 0; i < size_; ++i)
      for (size_t j = 0; j < size_; ++j) h.p[i * size_ + j] -= gain[i] * gain[j] / spread;
  }
  // Only their differences count.
  double best = bank_[0].log_weight;
  for (const Hypothesis& h : bank_) best = std::max(best, h.log_weight);
  for (Hypothesis& h : bank_) h.log_weight = std::max(h.log_weight - best, kLeastLogWeight);
}

std::vector<double> Estimator::Words() const {
  const std::vector<double> weights = Weights();
  std::vector<double> words(sources_.size());
  for (size_t s = 0; s < words.size(); ++s)
    for (size_t i = 0; i < bank_.size(); ++i)
      words[s] += weights[i] * (bank_[i].x[kOffset] + bank_[i].x[kBias + s]);
  return words;
}

// What part of its innovation the word of a source moves by.
double Estimator::GainOf(size_t source, double variance) const {
  const std::vector<double> weights = Weights();
  const size_t b = kBias + source;
  double gain = 0;
  for (size_t i = 0; i < bank_.size(); ++i) {
    const Hypothesis& h = bank_[i];
    const double known = h.p[0] + 2 * h.p[b] + h.p[b * size_ + b];
    gain += weights[i] * known / (known + variance);
  }
  return gain;
}

// A sample is wrong by half its round trip at most, and so is a mean of samples by the mean of the
// halves. What moved a word on account of other sources may have been wrong.
void Estimator::BoundWords(size_t source, double z, double gain, double half_delay,
                           const std::vector<double>& before) {
  const std::vector<double> now = Words();
  for (size_t s = 0; s < sources_.size(); ++s) {
    double& worst = sources_[s].worst;
    if (s != source) {
      worst += std::abs(now[s] - before[s]);
      continue;
    }
    const double by_this_alone = std::abs(z - now[s]) + half_delay;
    worst =
        worst == 0 ? by_this_alone : std::min(by_this_alone, worst + gain * (half_delay - worst));
  }
}

void Estimator::Begin(size_t source, const Observation& o) {
  offset_known_ = true;
  epoch_ = o.at;
  anchor_ = o.ahead;
  time_ = 0;
  for (Hypothesis& h : bank_) h.x[kOffset] = 0;
  SetVariance(kOffset, o.variance + o.bias_sigma * o.bias_sigma);
  for (size_t s = 0; s < sources_.size(); ++s) Forget(s);
  // The first source is where the offset comes from: the two are wrong together.
  const double bias = o.bias_sigma * o.bias_sigma;
  SetVariance(kBias + source, bias);
  for (Hypothesis& h : bank_) {
    h.p[kBias + source] = h.p[(kBias + source) * size_] = -bias;
  }
  sources_[source].bias_variance = bias;
  sources_[source].bias_limit = o.bias_limit;
  sources_[source].worst = o.half_delay;
}

bool Estimator::OthersMayBeWrong(size_t source, double by) const {
  return std::all_of(sources_.begin(), sources_.end(), [&](const SourceState& other) {
    return &other == &sources_[source] || other.bias_variance == 0 || other.bias_limit >= by;
  });
}

void Estimator::BlameOthers(size_t source, double innovation) {
  Inflate(kOffset, innovation * innovation);
  for (size_t i = 0; i < sources_.size(); ++i) {
    const double most = std::min(std::abs(innovation), sources_[i].bias_limit);
    if (i != source && sources_[i].bias_variance > 0) Inflate(kBias + i, most * most);
  }
}

bool Estimator::AnotherAgrees(const SourceState& doubted) const {
  return std::any_of(sources_.begin(), sources_.end(), [&](const SourceState& other) {
    return &other != &doubted && other.bias_variance > 0 && other.outliers == 0 &&
           other.last_used_at > doubted.first_outlier_at;
  });
}

bool Estimator::OthersSilentSince(const SourceState& doubted) const {
  return std::any_of(sources_.begin(), sources_.end(), [&](const SourceState& other) {
    return &other != &doubted && other.bias_variance > 0 && other.outliers == 0;
  });
}

Estimator::Taken Estimator::Judge(size_t source, double z) {
  SourceState& state = sources_[source];
  const double expected = MeanOf(kOffset) + MeanOf(kBias + source);
  const double innovation = z - expected;
  const bool same_side = state.outliers > 0 && (innovation > 0) == (state.last_innovation > 0);
  state.outliers = same_side ? state.outliers + 1 : 1;
  state.last_innovation = innovation;
  if (state.outliers == 1) state.first_outlier_at = time_;
  if (state.outliers < kOutliersToBelieve) return Taken::kOutlier;
  const double bias = expected - MeanOf(kOffset) + innovation;
  const bool possible = std::abs(bias) <= state.bias_limit;
  if (AnotherAgrees(state)) {
    if (possible) {
      Inflate(kBias + source, innovation * innovation);
    } else if (OthersMayBeWrong(source, std::abs(innovation))) {
      // No path of this source is that uneven, those of the others may be.
      BlameOthers(source, innovation);
    } else {
      return Taken::kOutlier;  // it lies; selection will say so
    }
    return Taken::kUsed;
  }
  // Others may still say that it is this source alone.
  const bool others_silent = OthersSilentSince(state) && state.outliers < kOutliersAlone;
  if (others_silent) return Taken::kOutlier;
  Inflate(kOffset, innovation * innovation);
  const double rate = innovation / std::max(1.0, time_ - state.last_used_at);
  Inflate(kFrequency, std::min(rate * rate, kUnknownFrequency * kUnknownFrequency));
  return Taken::kNewStart;
}

Estimator::Taken Estimator::Add(size_t source, const Observation& o) {
  if (!offset_known_) {
    Begin(source, o);
    return Taken::kUsed;
  }
  const double now = SecondsAt(o.at);
  for (Hypothesis& h : bank_) Predict(h, now - time_);
  time_ = std::max(time_, now);
  SourceState& state = sources_[source];
  state.bias_limit = o.bias_limit;
  if (state.bias_variance == 0) {
    state.bias_variance = std::max(o.bias_sigma * o.bias_sigma, 1e-18);
    SetVariance(kBias + source, state.bias_variance);
  }
  // An observation of the past (interleaved mode tells of the last exchange) is carried here.
  const double late = std::max(0.0, time_ - now);
  const double z = ToSeconds(o.ahead - anchor_) + late * MeanOf(kFrequency);
  Taken taken = Taken::kUsed;
  const double surprise = Surprise(source, z, o.variance);
  misfit_ +=
      (std::min(surprise, kOutlier) * std::min(surprise, kOutlier) - misfit_) * kMisfitMemory;
  if (surprise > kOutlier) {
    taken = Judge(source, z);
    if (state.outliers == 1) state.outlier_variance = o.variance;
    if (taken == Taken::kOutlier) return taken;
    state.outliers = 0;
  }
  // A sample that knows little more than nothing refutes no outlier.
  if (o.variance <= kRefutes * state.outlier_variance) state.outliers = 0;
  state.last_used_at = time_;
  const std::vector<double> before = Words();
  const double gain = GainOf(source, o.variance);
  Update(source, z, o);
  BoundWords(source, z, gain, o.half_delay, before);
  return taken;
}

double Estimator::MeanOf(size_t index) const {
  const std::vector<double> weights = Weights();
  double mean = 0;
  for (size_t i = 0; i < bank_.size(); ++i) mean += weights[i] * bank_[i].x[index];
  return mean;
}

Belief Estimator::At(MonoTime t) const {
  const double ahead_of_state = std::max(0.0, SecondsAt(t) - time_);
  const std::vector<double> weights = Weights();
  double offset = 0;
  Belief belief;
  double variance = 0;
  double frequency_variance = 0;
  double log_wander = 0;
  std::vector<double> offsets;
  for (size_t i = 0; i < bank_.size(); ++i) {
    Hypothesis h = bank_[i];
    Predict(h, ahead_of_state);
    offsets.push_back(h.x[kOffset]);
    offset += weights[i] * h.x[kOffset];
    belief.frequency += weights[i] * h.x[kFrequency];
    variance += weights[i] * h.p[0];
    frequency_variance += weights[i] * h.p[kFrequency * size_ + kFrequency];
    log_wander += weights[i] * std::log(h.wander);
  }
  for (size_t i = 0; i < bank_.size(); ++i)
    variance += weights[i] * (offsets[i] - offset) * (offsets[i] - offset);
  belief.ahead = anchor_ + FromSeconds(offset);
  belief.sigma = std::sqrt(variance);
  belief.frequency_sigma = std::sqrt(frequency_variance);
  belief.wander = std::exp(log_wander);
  return belief;
}

Estimator::Track Estimator::TrackOf(size_t source, MonoTime t) const {
  const double ahead_of_state = std::max(0.0, SecondsAt(t) - time_);
  const double reach_then = ReachOf(source, 0);
  const double reach = ReachOf(source, ahead_of_state);
  return {.bias = MeanOf(kBias + source),
          .reach = reach,
          .worst = sources_[source].worst,
          .growth = std::sqrt(std::max(0.0, reach * reach - reach_then * reach_then))};
}

// Each filter gives a normal distribution of what the source says.
double Estimator::ReachOf(size_t source, double seconds) const {
  const std::vector<double> weights = Weights();
  const size_t b = kBias + source;
  std::vector<Normal> mixture;
  double middle = 0;
  for (size_t i = 0; i < bank_.size(); ++i) {
    const double word = bank_[i].x[kOffset] + bank_[i].x[b] + seconds * bank_[i].x[kFrequency];
    middle += weights[i] * word;
    if (weights[i] < kLeastCredible) continue;
    Hypothesis h = bank_[i];
    Predict(h, seconds);
    const double variance = h.p[0] + 2 * h.p[b] + h.p[b * size_ + b];
    mixture.push_back({weights[i], word, std::sqrt(std::max(kLeastVariance, variance))});
  }
  return Reach(mixture, middle, kBeyondReach);
}

double Estimator::Strain() const { return std::sqrt(std::max(1.0, misfit_ / kUsualMisfit)); }

double Estimator::Doubt() const {
  double doubt = 0;
  for (const SourceState& s : sources_)
    if (s.outliers > 0) doubt = std::max(doubt, std::abs(s.last_innovation));
  return doubt;
}

}  // namespace fleetsync::ntp
