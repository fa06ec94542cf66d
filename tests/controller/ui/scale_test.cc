#include "controller/ui/scale.h"

#include <limits>

#include "controller/ui/sparkline.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::ui {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(SymlogScale, IsSymmetricAndMonotonic) {
  const SymlogScale scale(-1s, 1s, 1us);
  EXPECT_DOUBLE_EQ(scale.Position(0ns), 0.5);
  EXPECT_DOUBLE_EQ(scale.Position(-1s), 0);
  EXPECT_DOUBLE_EQ(scale.Position(1s), 1);
  EXPECT_DOUBLE_EQ(scale.Position(1h), 1) << "never outside";
  EXPECT_NEAR(scale.Position(1ms) + scale.Position(-1ms), 1, 1e-12);
  // Far from zero a factor of ten is the same way everywhere.
  EXPECT_NEAR(scale.Position(100ms) - scale.Position(10ms),
              scale.Position(10ms) - scale.Position(1ms), 1e-4);
}

TEST(SymlogScale, TicksArePowersOfTenNotTooNear) {
  EXPECT_THAT(SymlogScale(-2ms, 2ms, 10us).Ticks(10), ElementsAre(-1ms, -100us, 0ns, 100us, 1ms));
  EXPECT_THAT(SymlogScale(-10us, 200ms, 10us).Ticks(8), ElementsAre(0ns, 100us, 1ms, 10ms, 100ms));
}

TEST(SymlogScale, LabelsSayTheUnit) {
  EXPECT_EQ(TickLabel(0ns), "0");
  EXPECT_EQ(TickLabel(-100us), "-100 us");
  EXPECT_EQ(TickLabel(10s), "+10 s");
}

TEST(TimeTicks, AreWholeAndNameTheDayWhereItChanges) {
  const SystemTime since(std::chrono::seconds(1'790'000'000));  // 2026-09-21T14:13:20Z
  std::vector<std::string> labels;
  for (const TimeTick& tick : TimeTicks(since, since + 24h, 5)) labels.push_back(tick.label);
  EXPECT_THAT(labels, ElementsAre("09-21 18:00", "09-22 00:00", "06:00", "12:00"));
  labels.clear();
  for (const TimeTick& tick : TimeTicks(since, since + 24h * 30, 5)) labels.push_back(tick.label);
  EXPECT_THAT(labels, ElementsAre("09-24", "10-01", "10-08", "10-15"));
  EXPECT_TRUE(TimeTicks(since, since, 5).empty());
}

TEST(Sparkline, SevenBeginsAtTheReference) {
  const std::vector<std::optional<Duration>> values = {0ns,  10us,  -100us, 1ms,         5ms,
                                                       10ms, -32ms, 1h,     std::nullopt};
  EXPECT_EQ(Sparkline(values, 10ms), "▁▁▃▅▆▇██ ");
}

}  // namespace
}  // namespace fleetsync::ui
