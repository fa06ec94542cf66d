#include "controller/observe/parsers.h"
#include "gmock/gmock.h"
#include "tests/controller/observe/fixture.h"

namespace fleetsync::observe {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

// Recorded on a host whose clock was 16.183 ms behind the truth and whose crystal is 10 ppm fast;
// 10.9.0.3 is a server that is 5 s ahead of it.
TEST(Chrony, AClockBehindTheTruthHasAPositiveOffset) {
  DaemonState state;
  ASSERT_TRUE(ParseChronyTracking(Fixture("chrony-4.3-tracking.csv"), state));
  EXPECT_EQ(state.offset, nanoseconds(16'186'476));
  EXPECT_EQ(state.stratum, 3);
  EXPECT_EQ(state.leap, Leap::kNone);
  EXPECT_TRUE(state.synchronised());
  EXPECT_EQ(state.root_delay, nanoseconds(35'067));
  EXPECT_EQ(state.root_dispersion, nanoseconds(11'706));
  EXPECT_EQ(state.error_bound, nanoseconds(11'706 + 35'067 / 2));
}

TEST(Chrony, AFastCrystalHasANegativeCorrection) {
  DaemonState state;
  ASSERT_TRUE(ParseChronyTracking(Fixture("chrony-4.3-tracking.csv"), state));
  EXPECT_DOUBLE_EQ(state.frequency.value().value, -9.977);
}

TEST(Chrony, TheTextOfOldVersionsSaysTheSame) {
  DaemonState state;
  ASSERT_TRUE(ParseChronyTracking(Fixture("chrony-4.3-tracking.txt"), state));
  EXPECT_EQ(state.offset, nanoseconds(16'186'185));
  EXPECT_DOUBLE_EQ(state.frequency.value().value, -9.977);
  EXPECT_EQ(state.error_bound, nanoseconds(11'723 + 35'067 / 2));
  ASSERT_TRUE(ParseChronySources(Fixture("chrony-4.3-sources.txt"), state));
  ASSERT_EQ(state.sources.size(), 6U);
  EXPECT_EQ(state.sources[2].state, SourceState::kFalseticker);
  EXPECT_EQ(state.sources[2].offset, nanoseconds(5'016'186'185));
  EXPECT_EQ(state.sources[2].error_bound, nanoseconds(19'000));
  EXPECT_EQ(state.sources[2].last, seconds(9));
  EXPECT_EQ(state.sources[4].last, std::nullopt);
}

TEST(Chrony, ASourceAheadOfTheClockHasAPositiveOffsetThatCountsWhatIsStillToSlew) {
  DaemonState state;
  ASSERT_TRUE(ParseChronyTracking(Fixture("chrony-4.3-tracking.csv"), state));
  ASSERT_TRUE(ParseChronySources(Fixture("chrony-4.3-sources.csv"), state));
  ASSERT_EQ(state.sources.size(), 6U);
  const Source& falseticker = state.sources[2];
  EXPECT_EQ(falseticker.name, "10.9.0.3");
  EXPECT_EQ(falseticker.state, SourceState::kFalseticker);
  EXPECT_EQ(falseticker.offset, nanoseconds(5'000'002'384 + 16'186'476));
  EXPECT_EQ(falseticker.reach, 0377);
  EXPECT_EQ(falseticker.poll, 4);
  EXPECT_EQ(falseticker.stratum, 2);
}

TEST(Chrony, TheSelectedSourceIsTheOneWithTheStar) {
  DaemonState state;
  ASSERT_TRUE(ParseChronySources(Fixture("chrony-4.3-sources.csv"), state));
  ASSERT_NE(state.Selected(), nullptr);
  EXPECT_EQ(state.Selected()->name, "fd00:9::1");
}

TEST(Chrony, ASourceThatWasNeverHeardHasNoOffset) {
  DaemonState state;
  ASSERT_TRUE(ParseChronySources(Fixture("chrony-4.3-sources.csv"), state));
  const Source& silent = state.sources[5];
  EXPECT_EQ(silent.state, SourceState::kUnreachable);
  EXPECT_EQ(silent.offset, std::nullopt);
  EXPECT_EQ(silent.last, std::nullopt);
  EXPECT_EQ(silent.reach, 0);
}

TEST(Chrony, BeforeItIsSynchronisedItTellsNoOffsetAndStratum16) {
  for (const char* name :
       {"chrony-4.3-unsynchronised-tracking.csv", "chrony-4.3-unsynchronised-tracking.txt"}) {
    DaemonState state;
    ASSERT_TRUE(ParseChronyTracking(Fixture(name), state)) << name;
    EXPECT_FALSE(state.synchronised());
    EXPECT_EQ(state.stratum, 16);
    EXPECT_EQ(state.offset, std::nullopt);
    EXPECT_EQ(state.error_bound, std::nullopt);
  }
}

TEST(Chrony, BeforeItIsSynchronisedASourceIsMeasuredAgainstTheClockAsItIs) {
  DaemonState state;
  ASSERT_TRUE(ParseChronyTracking(Fixture("chrony-4.3-unsynchronised-tracking.csv"), state));
  ASSERT_TRUE(ParseChronySources(Fixture("chrony-4.3-unsynchronised-sources.csv"), state));
  EXPECT_EQ(state.sources[0].offset, nanoseconds(15'602'461));
  EXPECT_EQ(state.Selected(), nullptr);
}

TEST(Chrony, TheHeadingOfVersion3IsNoSource) {
  DaemonState state;
  ASSERT_TRUE(ParseChronySources(Fixture("tutorial-chrony-3.2-sources.txt"), state));
  ASSERT_EQ(state.sources.size(), 1U);
  EXPECT_EQ(state.sources[0].name, "192.168.112.134");
  EXPECT_EQ(state.sources[0].stratum, 16);
  EXPECT_EQ(state.sources[0].poll, 6);
}

// Recorded on a relay with `local stratum 8` and no upstream.
TEST(Chrony, ARelayOnItsOwnClockIsSynchronisedWithoutASource) {
  DaemonState state;
  ASSERT_TRUE(
      ParseChronyTracking("7F7F0101,,8,1795213597.319218515,0.000000000,0.000000000,0.000000000,"
                          "0.000,0.000,0.000,0.000000000,0.000000000,0.0,Normal\n",
                          state));
  EXPECT_TRUE(state.synchronised());
  EXPECT_TRUE(state.own_clock);
  EXPECT_EQ(state.stratum, 8);
}

TEST(Chrony, AnErrorIsNoAnswer) {
  DaemonState state;
  EXPECT_FALSE(ParseChronyTracking("506 Cannot talk to daemon\n", state));
  EXPECT_FALSE(ParseChronySources("506 Cannot talk to daemon\n", state));
  EXPECT_FALSE(ParseChronyTracking("", state));
}

}  // namespace
}  // namespace fleetsync::observe
