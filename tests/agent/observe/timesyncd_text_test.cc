#include "agent/observe/text_parsers.h"
#include "gmock/gmock.h"
#include "tests/agent/observe/fixture.h"

namespace fleetsync::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

TEST(Timesyncd, TheHostIsOneStratumBelowItsServer) {
  DaemonState state;
  ASSERT_TRUE(ParseTimesyncStatus(Fixture("timesyncd-252-status.txt"), state));
  EXPECT_TRUE(state.synchronised());
  EXPECT_EQ(state.stratum, 3);
  ASSERT_EQ(state.sources.size(), 1U);
  EXPECT_EQ(state.sources[0].name, "10.9.0.1");
  EXPECT_EQ(state.sources[0].stratum, 2);
  EXPECT_EQ(state.sources[0].poll, 6);
  EXPECT_EQ(state.sources[0].reach, std::nullopt);
}

// Recorded when the host's clock was 0.28 ms ahead.
TEST(Timesyncd, AClockAheadOfTheTruthHasANegativeOffsetThatItsErrorBoundCovers) {
  DaemonState state;
  ASSERT_TRUE(ParseTimesyncStatus(Fixture("timesyncd-252-status.txt"), state));
  EXPECT_EQ(state.offset, microseconds(-330));
  EXPECT_EQ(state.error_bound, nanoseconds(330'000 + 43'000 / 2));
  EXPECT_DOUBLE_EQ(state.frequency.value().value, -2.365);
}

TEST(Timesyncd, BeforeTheFirstPacketItIsUnsynchronised) {
  DaemonState state;
  ASSERT_TRUE(
      ParseTimesyncStatus("       Server: n/a (0.debian.pool.ntp.org)\n"
                          "Poll interval: 0 (min: 32s; max 34min 8s)\n"
                          " Packet count: 0\n",
                          state));
  EXPECT_FALSE(state.synchronised());
  EXPECT_EQ(state.stratum, 16);
  EXPECT_EQ(state.Selected(), nullptr);
}

TEST(Timesyncd, Before239TimedatectlSaysOnlyWhetherTheClockIsSynchronised) {
  DaemonState state;
  ASSERT_TRUE(
      ParseTimedatectl("      Local time: Mon 2026-05-25 10:11:12 UTC\n"
                       "     NTP enabled: yes\n"
                       "NTP synchronized: yes\n",
                       state));
  EXPECT_TRUE(state.synchronised());
  EXPECT_EQ(state.stratum, 0) << "not told";
  ASSERT_TRUE(ParseTimedatectl("System clock synchronized: no\n", state));
  EXPECT_FALSE(state.synchronised());
}

TEST(Timesyncd, AnErrorIsNoAnswer) {
  DaemonState state;
  EXPECT_FALSE(ParseTimesyncStatus("Unknown operation timesync-status.\n", state));
  EXPECT_FALSE(ParseTimedatectl("Failed to connect to bus: Host is down\n", state));
}

}  // namespace
}  // namespace fleetsync::observe
