#include "agent/engine/mixture.h"

#include <array>

#include "gtest/gtest.h"

namespace fleetsync::ntp {
namespace {

TEST(Mixture, ANormalDistributionReachesAsFarAsTheTablesSay) {
  const std::array<Normal, 1> one{{{.weight = 1, .mean = 5, .sigma = 2}}};
  EXPECT_NEAR(Reach(one, 5, 0.0455003), 2 * 2, 1e-3);
  EXPECT_NEAR(Reach(one, 5, 1e-3), 2 * 3.29053, 1e-3);
  EXPECT_NEAR(Reach(one, 5, 1e-6), 2 * 4.89164, 1e-3);
}

TEST(Mixture, AWideOneOfSmallWeightReachesFurtherThanItsPartOfTheVarianceTells) {
  const std::array<Normal, 2> two{{{.weight = 0.98, .sigma = 1}, {.weight = 0.02, .sigma = 30}}};
  // A twentieth of the wide one, which has 2 %, is a thousandth of the whole: 1.96 sigma of it.
  EXPECT_NEAR(Reach(two, 0, 1e-3), 1.96 * 30, 0.1);
}

TEST(Mixture, DistanceFromTheMiddleCounts) {
  const std::array<Normal, 2> two{
      {{.weight = 0.5, .mean = -9, .sigma = 0.1}, {.weight = 0.5, .mean = 9, .sigma = 0.1}}};
  EXPECT_NEAR(Reach(two, 0, 1e-3), 9 + 0.1 * 3.09, 1e-2);
}

}  // namespace
}  // namespace fleetsync::ntp
