#include "db/rollup.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::db {
namespace {

using namespace std::chrono_literals;

Duration NearestRank(std::vector<Duration> values, double fraction) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<size_t>(std::ceil(fraction * static_cast<double>(values.size())));
  return values[std::max<size_t>(rank, 1) - 1];
}

TEST(Histogram, AQuantileIsWithinAThirtySecondOfTheExactOne) {
  std::mt19937_64 random(20240611);
  std::lognormal_distribution<double> offsets(12, 4);
  Histogram histogram;
  std::vector<Duration> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(Duration(static_cast<int64_t>(offsets(random))));
    histogram.Add(i % 2 == 0 ? values.back() : -values.back());
  }
  for (const double fraction : {0.0, 0.01, 0.5, 0.95, 0.99, 1.0}) {
    const auto exact = static_cast<double>(NearestRank(values, fraction).count());
    EXPECT_NEAR(static_cast<double>(histogram.Quantile(fraction).count()), exact, exact / 32 + 0.5)
        << fraction;
  }
}

TEST(Histogram, SmallValuesAreExactAndTheLargestFit) {
  for (int64_t value = 0; value < 32; ++value) {
    Histogram histogram;
    histogram.Add(Duration(-value));
    EXPECT_EQ(histogram.Quantile(0.5), Duration(value));
  }
  Histogram histogram;
  histogram.Add(Duration(std::numeric_limits<int64_t>::min()));
  EXPECT_GT(histogram.Quantile(1), Duration(std::numeric_limits<int64_t>::max() / 32 * 31));
  EXPECT_EQ(Histogram().Quantile(0.5), 0ns);
}

TEST(Histogram, PartsAddUpToTheWholeAndComeBackFromTheirText) {
  std::mt19937_64 random(7);
  Histogram whole, first, second;
  for (int i = 0; i < 1000; ++i) {
    const Duration value(static_cast<int64_t>(random() >> (random() % 60)));
    whole.Add(value);
    (i % 3 == 0 ? first : second).Add(value);
  }
  first.Merge(Histogram::Decode(second.Encode()));
  EXPECT_EQ(first, whole);
  EXPECT_EQ(Histogram::Decode(whole.Encode()), whole);
}

TEST(Histogram, ADamagedTextIsReadAsFarAsItGoes) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 1000; ++i) {
    std::string text(random() % 40, '\0');
    for (char& byte : text) byte = static_cast<char>(random());
    EXPECT_GE(Histogram::Decode(text).Quantile(0.5), 0ns);
  }
}

Rollup Of(const std::vector<RolledReport>& reports) {
  Rollup rollup;
  for (const RolledReport& report : reports) rollup.Add(report);
  return rollup;
}

TEST(Rollup, SaysWhatItsReportsSay) {
  const Rollup rollup = Of({{true, -3ms, 1ms, 100}, {true, 1ms, 4ms, 300}, {false, 9s, 9s, 9}});
  const HistoryPoint point = PointOf(rollup, SystemTime(60s), 60s);
  EXPECT_EQ(point.at, SystemTime(60s));
  EXPECT_EQ(point.reports, 3u);
  EXPECT_EQ(point.synchronised, 2u);
  EXPECT_EQ(point.offset_min, -3ms);
  EXPECT_EQ(point.offset_max, 1ms);
  EXPECT_EQ(point.offset_mean, -1ms);
  EXPECT_EQ(point.error_bound_max, 4ms);
  EXPECT_EQ(point.frequency_mean_ppb, 200);
  EXPECT_NEAR(ToSeconds(point.offset_p50), 1e-3, 1e-3 / 32);
  EXPECT_NEAR(ToSeconds(point.offset_p99), 3e-3, 3e-3 / 32);
  EXPECT_LE(point.offset_p99, 3ms) << "never beyond what was seen";
}

TEST(Rollup, OfAHostThatFollowsNothingHasNoOffset) {
  const HistoryPoint point = PointOf(Of({{false, 5s, 5s, 5}}), SystemTime(0s), 60s);
  EXPECT_EQ(point.reports, 1u);
  EXPECT_EQ(point.synchronised, 0u);
  EXPECT_EQ(point.offset_max, 0ns);
}

TEST(Rollup, PartsAddUpToTheWhole) {
  const RolledReport a{true, -3ms, 1ms, 100}, b{true, 1ms, 4ms, 300}, c{false, 9s, 9s, 9};
  for (const auto& [first, second] : std::vector<std::pair<Rollup, Rollup>>{
           {Of({a}), Of({b, c})}, {Of({c}), Of({a, b})}, {Of({a, b, c}), Rollup()}}) {
    Rollup merged = first;
    merged.Merge(second);
    const HistoryPoint one = PointOf(merged, SystemTime(0s), 60s);
    const HistoryPoint other = PointOf(Of({a, b, c}), SystemTime(0s), 60s);
    EXPECT_EQ(one.reports, other.reports);
    EXPECT_EQ(one.offset_min, other.offset_min);
    EXPECT_EQ(one.offset_max, other.offset_max);
    EXPECT_EQ(one.offset_mean, other.offset_mean);
    EXPECT_EQ(one.offset_p95, other.offset_p95);
    EXPECT_EQ(one.error_bound_max, other.error_bound_max);
  }
}

TEST(Rollup, ClocksThatAreAgesOffDoNotOverflow) {
  const Duration ages(int64_t{1} << 60);
  Rollup rollup;
  for (int i = 0; i < 100; ++i) rollup.Add({true, ages, ages, 1'000'000'000});
  EXPECT_NEAR(ToSeconds(PointOf(rollup, SystemTime(0s), 60s).offset_mean), ToSeconds(ages), 1);
}

}  // namespace
}  // namespace fleetsync::db
