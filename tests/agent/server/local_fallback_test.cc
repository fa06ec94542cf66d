#include "agent/server/local_fallback.h"

#include "gtest/gtest.h"

namespace fleetsync::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LocalFallbackTest : public testing::Test {
 protected:
  Now After(Duration time, Duration stepped = {}) {
    now_ = {now_.mono + time, now_.system + time + stepped};
    return now_;
  }
  ServerVars Lost(Duration time, Duration stepped = {}) { return {.as_of = After(time, stepped)}; }
  ServerVars Good(Duration time, Duration offset) {
    return {.as_of = After(time), .offset = offset, .stratum = 3, .leap = ntp::Leap::kNone};
  }

  Now now_{MonoTime(seconds(100)), SystemTime(seconds(1'800'000'000))};
};

TEST_F(LocalFallbackTest, WithoutAStratumThereIsNone) {
  LocalFallback fallback(std::nullopt, {});
  EXPECT_FALSE(fallback.Apply(Lost(seconds(1))).synchronised());
  EXPECT_FALSE(fallback.active());
}

TEST_F(LocalFallbackTest, AfterTheStartBetterTimeIsWaitedFor) {
  LocalFallback fallback(10, seconds(30));
  EXPECT_FALSE(fallback.Apply(Lost(seconds(1))).synchronised());
  EXPECT_FALSE(fallback.Apply(Lost(seconds(29))).synchronised());
  const ServerVars vars = fallback.Apply(Lost(seconds(1)));
  EXPECT_TRUE(fallback.active());
  EXPECT_EQ(vars.stratum, 10);
  EXPECT_EQ(vars.offset, Duration::zero());
  EXPECT_EQ(vars.as_of.mono, now_.mono);
}

TEST_F(LocalFallbackTest, ABetterTimePassesAsItIs) {
  LocalFallback fallback(10, {});
  EXPECT_TRUE(fallback.Apply(Lost(seconds(1))).synchronised());
  EXPECT_EQ(fallback.Apply(Good(seconds(1), milliseconds(5))).stratum, 3);
  EXPECT_FALSE(fallback.active());
}

TEST_F(LocalFallbackTest, TheTimeServedLastGoesOnAtOnce) {
  LocalFallback fallback(10, seconds(30));
  fallback.Apply(Good(seconds(1), milliseconds(-700)));
  const ServerVars vars = fallback.Apply(Lost(seconds(1)));
  EXPECT_EQ(vars.stratum, 10);
  EXPECT_EQ(vars.offset, milliseconds(-700));
}

TEST_F(LocalFallbackTest, AStepOfTheClockIsTakenOut) {
  LocalFallback fallback(10, {});
  fallback.Apply(Good(seconds(1), milliseconds(-700)));
  EXPECT_EQ(fallback.Apply(Lost(seconds(1), seconds(-27))).offset, seconds(27) - milliseconds(700));
  EXPECT_EQ(fallback.Apply(Lost(seconds(1))).offset, seconds(27) - milliseconds(700));
  EXPECT_EQ(fallback.Apply(Lost(seconds(1), seconds(27))).offset, milliseconds(-700));
  EXPECT_EQ(fallback.Apply(Lost(seconds(1), milliseconds(1))).offset, milliseconds(-700));
}

}  // namespace
}  // namespace fleetsync::server
