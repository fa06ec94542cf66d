#include "controller/observe/parsers.h"
#include "gmock/gmock.h"
#include "tests/controller/observe/fixture.h"

namespace fleetsync::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// Recorded on a host whose clock was 1.74 ms ahead of the truth; 10.9.0.3 is 5 s ahead.
TEST(Ntpq, AClockAheadOfTheTruthHasANegativeOffsetAndItIsTheSelectedSourcesNotTheLoops) {
  DaemonState state;
  ASSERT_TRUE(ParseNtpVariables(Fixture("ntpsec-1.2.2-rv.txt"), state));
  EXPECT_EQ(state.offset, nanoseconds(19'928'803)) << "rv tells what the last update was given";
  ASSERT_TRUE(ParseNtpPeers(Fixture("ntpsec-1.2.2-peers.txt"), state));
  EXPECT_EQ(state.offset, nanoseconds(-1'739'300));
  EXPECT_EQ(state.sources[2].offset, nanoseconds(4'998'262'000));
  EXPECT_EQ(state.sources[2].state, SourceState::kFalseticker);
}

TEST(Ntpq, NtpsecAndTheClassicDaemonAreToldApart) {
  DaemonState ntpsec, classic;
  ASSERT_TRUE(ParseNtpVariables(Fixture("ntpsec-1.2.2-rv.txt"), ntpsec));
  ASSERT_TRUE(ParseNtpVariables(Fixture("ntp-4.2.8-rv.txt"), classic));
  EXPECT_EQ(ntpsec.daemon, "ntpsec");
  EXPECT_EQ(ntpsec.version, "1.2.2");
  EXPECT_EQ(classic.daemon, "ntp");
  EXPECT_EQ(classic.version, "4.2.8p15");
}

TEST(Ntpq, TheSystemVariablesGiveTheErrorBound) {
  DaemonState state;
  ASSERT_TRUE(ParseNtpVariables(Fixture("ntp-4.2.8-rv.txt"), state));
  EXPECT_EQ(state.stratum, 3);
  EXPECT_EQ(state.leap, Leap::kNone);
  EXPECT_EQ(state.error_bound, nanoseconds(1'195'000 + 65'000 / 2));
  EXPECT_EQ(state.jitter, nanoseconds(3'027));
}

TEST(Ntpq, AfterTheStartItIsUnsynchronisedAndTellsNoOffset) {
  for (const char* name :
       {"ntp-4.2.8-unsynchronised-rv.txt", "ntpsec-1.2.2-unsynchronised-rv.txt"}) {
    DaemonState state;
    ASSERT_TRUE(ParseNtpVariables(Fixture(name), state)) << name;
    EXPECT_FALSE(state.synchronised());
    EXPECT_EQ(state.leap, Leap::kUnsynchronised);
    EXPECT_EQ(state.offset, std::nullopt);
  }
}

TEST(Ntpq, VersionsBefore426CallTheDispersionByItsLongName) {
  DaemonState state;
  ASSERT_TRUE(
      ParseNtpVariables("assID=0 status=06f4 leap_none, sync_ntp, 15 events,\n"
                        "version=\"ntpd 4.2.2p1@1.1570-o Fri, Oct 3 2008 (1)\",\n"
                        "leap=00, stratum=3, rootdelay=30.251, rootdispersion=41.128,\n"
                        "offset=-1.309, frequency=-12.5, jitter=0.6\n",
                        state));
  EXPECT_EQ(state.root_dispersion, microseconds(41'128));
  EXPECT_EQ(state.version, "4.2.2p1");
  EXPECT_DOUBLE_EQ(state.frequency.value().value, -12.5);
}

TEST(Ntpq, TheTutorialsTableIsRead) {
  DaemonState state;
  state.leap = Leap::kNone;
  state.stratum = 2;
  ASSERT_TRUE(ParseNtpPeers(Fixture("tutorial-ntpq-peers.txt"), state));
  ASSERT_EQ(state.sources.size(), 6U);
  const Source& selected = state.sources[0];
  EXPECT_EQ(state.Selected(), &selected);
  EXPECT_EQ(selected.name, "time100.stupi.s");
  EXPECT_EQ(selected.reference_id, ".PPS.");
  EXPECT_EQ(selected.stratum, 1);
  EXPECT_EQ(selected.last, seconds(61));
  EXPECT_EQ(selected.poll, 6);
  EXPECT_EQ(selected.reach, 077);
  EXPECT_EQ(selected.delay, microseconds(84'571));
  EXPECT_EQ(selected.offset, microseconds(1'309));
  EXPECT_EQ(selected.jitter, microseconds(604));
  EXPECT_EQ(state.offset, microseconds(1'309));
  EXPECT_EQ(state.sources[1].state, SourceState::kCandidate);
  EXPECT_EQ(state.sources[2].state, SourceState::kUnreachable);
  EXPECT_EQ(state.sources[2].stratum, 16);
  EXPECT_EQ(state.sources[2].offset, std::nullopt) << "never heard";
}

TEST(Ntpq, AnAddressThatFillsItsLineGoesOnOnTheNext) {
  DaemonState state;
  ASSERT_TRUE(ParseNtpPeers(
      "     remote           refid      st t when poll reach   delay   offset  jitter\n"
      "==============================================================================\n"
      "*2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff\n"
      "                 .GPS.            1 u  10m  17m  377    0.500   -0.250   0.031\n"
      "+10.0.0.1        .GPS.            1 u    2   64  377    0.500   -0.250   0.031\n",
      state));
  ASSERT_EQ(state.sources.size(), 2U);
  EXPECT_EQ(state.sources[0].name, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff");
  EXPECT_EQ(state.sources[0].state, SourceState::kSelected);
  EXPECT_EQ(state.sources[0].last, minutes(10));
  EXPECT_EQ(state.sources[0].poll, 10);
  EXPECT_EQ(state.sources[1].name, "10.0.0.1");
}

TEST(Ntpq, AnErrorIsNoAnswer) {
  DaemonState state;
  EXPECT_FALSE(ParseNtpVariables("ntpq: read: Connection refused\n", state));
  EXPECT_FALSE(
      ParseNtpPeers("localhost: timed out, nothing received\n***Request timed out\n", state));
  EXPECT_TRUE(state.sources.empty());
}

}  // namespace
}  // namespace fleetsync::observe
