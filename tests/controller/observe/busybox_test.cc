#include "controller/observe/parsers.h"
#include "gmock/gmock.h"
#include "tests/controller/observe/fixture.h"

namespace fleetsync::observe {
namespace {

TEST(BusyboxAdjtimex, TheKernelsVerdictStandsForADaemonThatCannotBeAsked) {
  DaemonState state;
  ASSERT_TRUE(ParseAdjtimex(Fixture("busybox-1.35-adjtimex.txt"), state));
  EXPECT_FALSE(state.synchronised());
  ASSERT_TRUE(ParseAdjtimex("    return value: 0 (clock synchronized)\n", state));
  EXPECT_TRUE(state.synchronised());
  EXPECT_EQ(state.stratum, 0) << "not told";
  EXPECT_FALSE(ParseAdjtimex("adjtimex: applet not found\n", state));
}

}  // namespace
}  // namespace fleetsync::observe
