#include "agent/engine/delay_model.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace fleetsync::ntp {
namespace {

using Random = std::mt19937_64;

// Mean of the model's variance over the square of the true error: 1 when it is honest.
template <class Wait>
double Honesty(Wait wait, double base) {
  Random random(3);
  DelayModel model;
  double claimed = 0;
  double true_square = 0;
  for (int i = 0; i < 5000; ++i) {
    const double there = wait(random);
    const double back = wait(random);
    const double delay = 2 * base + there + back;
    model.Add(delay);
    if (i < 200) continue;
    claimed += model.Variance(delay);
    true_square += (there - back) * (there - back) / 4;
  }
  return claimed / true_square;
}

TEST(DelayModel, ItLearnsHowWrongOffsetsAreWhateverTheNetworksWaitsAreLike) {
  std::exponential_distribution<double> exponential(1e3);
  std::normal_distribution<double> normal(5e-3, 1e-3);
  std::gamma_distribution<double> gamma(3, 1e-3);
  EXPECT_NEAR(Honesty(exponential, 0.01), 1, 0.15);
  EXPECT_NEAR(Honesty(normal, 0.01), 1, 0.3);
  EXPECT_NEAR(Honesty(gamma, 0.01), 1, 0.15);
}

TEST(DelayModel, AShortRoundTripIsWorthMoreWhereWaitsAreExponential) {
  std::exponential_distribution<double> wait(1e4);
  Random random(1);
  DelayModel model;
  for (int i = 0; i < 128; ++i) model.Add(0.01 + wait(random) + wait(random));
  EXPECT_LT(model.Variance(0.01), model.Variance(0.0104) / 50);
  EXPECT_NEAR(model.base(), 0.01, 3e-5);
}

TEST(DelayModel, ItIsWorthHardlyMoreWhereWaitsAreNormal) {
  std::normal_distribution<double> wait(5e-3, 1e-4);
  Random random(1);
  DelayModel model;
  for (int i = 0; i < 128; ++i) model.Add(0.01 + wait(random) + wait(random));
  EXPECT_GT(model.Variance(0.0198), model.Variance(0.0202) / 3);
}

TEST(DelayModel, WhatWaitedFarLongerThanTheOthersIsOfNoUse) {
  std::exponential_distribution<double> wait(1e4);
  Random random(1);
  DelayModel model;
  for (int i = 0; i < 100; ++i) model.Add(0.01 + wait(random) + wait(random));
  EXPECT_NEAR(std::sqrt(model.Variance(0.05)), 0.04, 0.001);
  EXPECT_FALSE(model.IsUsual(0.05));
  EXPECT_TRUE(model.IsUsual(0.0102));
}

TEST(DelayModel, OneRoundTripAloneIsTakenWithATwentiethOfIt) {
  DelayModel model;
  model.Add(0.02);
  EXPECT_NEAR(std::sqrt(model.Variance(0.02)), 0.001, 0.0001);
}

TEST(DelayModel, AFasterRouteIsTheShortestTimeAtOnceASlowerOneOnceTheOldIsForgotten) {
  std::exponential_distribution<double> wait(1e5);
  Random random(1);
  DelayModel model;
  const auto add = [&](double base, int count) {
    for (int i = 0; i < count; ++i) model.Add(base + wait(random) + wait(random));
  };
  add(0.010, 200);
  add(0.008, 1);
  EXPECT_LE(model.base(), 0.0081);
  EXPECT_LE(model.Shortest(), 0.0081);
  add(0.012, 16);
  EXPECT_GE(model.Shortest(), 0.012);
  add(0.012, 130);
  EXPECT_NEAR(model.base(), 0.012, 1e-4);
}

TEST(DelayModel, AFewLongRoundTripsByChanceAreNoNewRoute) {
  DelayModel model;
  for (int i = 0; i < 100; ++i) model.Add(i % 20 == 0 ? 0.010 : 0.011 + 1e-5 * (i % 7));
  for (int i = 0; i < 16; ++i) model.Add(0.01101);
  EXPECT_EQ(model.Shortest(), 0.010);
}

}  // namespace
}  // namespace fleetsync::ntp
