#include "controller/sync/decide.h"

#include <gtest/gtest.h>

#include "tests/controller/sync/times.h"

namespace fleetsync::sync {
namespace {

Decision For(Duration offset, StepPolicy policy = {}, Duration bound = 200us) {
  return Decide({offset, bound}, policy);
}

TEST(Decide, SetsAClockThatIsBehind) {
  EXPECT_EQ(For(37s).action, Action::kSet);
  EXPECT_EQ(For(50ms).action, Action::kSet);
}

TEST(Decide, LeavesAClockInTolerance) {
  EXPECT_EQ(For(9ms).action, Action::kLeave);
  EXPECT_EQ(For(-9ms).why, "in tolerance");
}

TEST(Decide, ForceSetsItAllTheSame) {
  EXPECT_EQ(For(9ms, {.force = true}).action, Action::kSet);
  EXPECT_EQ(For(-9ms, {.force = true}).action, Action::kSet);
}

TEST(Decide, DoesNotChaseTheErrorOfTheMeasurement) {
  const Decision decision = For(30ms, {}, 40ms);
  EXPECT_EQ(decision.action, Action::kLeave);
  EXPECT_EQ(decision.why, "within the error of the measurement");
}

TEST(Decide, BackwardStepsAskForTheirFlag) {
  EXPECT_EQ(For(-2s).action, Action::kRefuse);
  EXPECT_EQ(For(-2s).why, "would step backward by 2.00 s; if that is right: --allow-backward");
  EXPECT_EQ(For(-2s, {.allow_backward = true}).action, Action::kSet);
}

TEST(Decide, NoFlagStepsBackWhereTheInventoryForbidsIt) {
  const Decision decision =
      For(-2s, {.allow_backward = true, .forbid_backward = true, .force = true});
  EXPECT_EQ(decision.action, Action::kRefuse);
  EXPECT_EQ(decision.why,
            "would step backward by 2.00 s, which the inventory forbids for this host; stop what "
            "minds it, or let its time daemon slew");
  EXPECT_EQ(For(-1ms, {.forbid_backward = true, .force = true}).action, Action::kLeave);
  EXPECT_EQ(For(2s, {.forbid_backward = true}).action, Action::kSet);
}

TEST(Decide, LargeStepsAskForALargerLimit) {
  EXPECT_EQ(For(1000s).action, Action::kSet);
  EXPECT_EQ(For(1200s).why,
            "would step by +20m 00s, more than 16m 40s; if that is right: --max-step 1201s");
  EXPECT_EQ(For(-1200s).why,
            "would step by -20m 00s, more than 16m 40s; if that is right: --max-step 1201s "
            "--allow-backward");
  EXPECT_EQ(For(1200s, {.max_step = 1201s}).action, Action::kSet);
}

TEST(Judge, ProvesOnlyWhatTheBoundAllows) {
  EXPECT_EQ(Judge({5ms, 1ms}, 10ms), Verdict::kWithin);
  EXPECT_EQ(Judge({-5ms, 6ms}, 10ms), Verdict::kUnproven);
  EXPECT_EQ(Judge({-11ms, 1us}, 10ms), Verdict::kOutside);
}

}  // namespace
}  // namespace fleetsync::sync
