#include "agent/observe/snapshot_of.h"

#include "agent/observe/daemon_kind.h"
#include "gmock/gmock.h"
#include "tests/agent/observe/fixture.h"

namespace fleetsync::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Now kNow{.mono = MonoTime(seconds(100)), .system = SystemTime(seconds(1'800'000'000))};

DaemonState Synchronised() {
  DaemonState state;
  state.daemon = "chrony";
  state.answered = true;
  state.stratum = 3;
  state.leap = Leap::kInsert;
  state.offset = milliseconds(-2);
  state.error_bound = milliseconds(5);
  state.frequency = Ppm{-7.5};
  state.sources.push_back({.name = "ntp1.example",
                           .address = "192.0.2.1",
                           .reference_id = "192.0.2.9",
                           .state = SourceState::kSelected,
                           .stratum = 2,
                           .reach = 0377,
                           .poll = 6,
                           .last = seconds(9),
                           .offset = milliseconds(-3)});
  state.sources.push_back(
      {.name = "GPS", .reference_id = ".PPS.", .state = SourceState::kOutlier, .stratum = 1});
  return state;
}

TEST(SnapshotOf, TellsWhatTheDaemonTold) {
  const ntp::Snapshot s = SnapshotOf(Synchronised(), kNow);
  EXPECT_EQ(s.at.mono, kNow.mono);
  EXPECT_TRUE(s.synchronised);
  EXPECT_EQ(s.stratum, 3);
  EXPECT_EQ(s.leap, ntp::Leap::kInsert);
  EXPECT_EQ(s.offset, milliseconds(-2));
  EXPECT_EQ(s.error_bound, milliseconds(5));
  EXPECT_EQ(s.frequency.value, -7.5);
  ASSERT_EQ(s.sources.size(), 2U);
  EXPECT_EQ(s.sources[0].name, "ntp1.example");
  EXPECT_EQ(s.sources[0].address->ip[15], 1);
  EXPECT_EQ(s.sources[0].reference_id, 0xc0000209);
  EXPECT_EQ(s.sources[0].sample_age, seconds(9));
  EXPECT_EQ(s.sources[1].state, ntp::SourceState::kOutlier);
  EXPECT_EQ(s.sources[1].address, std::nullopt);
  EXPECT_EQ(s.sources[1].reference_id, 0x50505300) << "PPS";
  EXPECT_EQ(s.sources[1].sample_age, std::nullopt) << "it has no offset";
}

TEST(SnapshotOf, WithoutABoundNothingSaysHowFarTheClockIsOff) {
  DaemonState state = Synchronised();
  state.error_bound.reset();
  const ntp::Snapshot s = SnapshotOf(state, kNow);
  EXPECT_FALSE(s.synchronised);
  EXPECT_EQ(s.stratum, 16);
  EXPECT_EQ(s.leap, ntp::Leap::kUnsynchronised);
  EXPECT_EQ(s.sources[0].offset, milliseconds(-3)) << "what it says of its sources stays";
}

TEST(SnapshotOf, AHostIsUnsynchronisedWhenItsDaemonSaysSo) {
  DaemonState state = Synchronised();
  state.leap = Leap::kUnsynchronised;
  EXPECT_FALSE(SnapshotOf(state, kNow).synchronised);
}

TEST(SnapshotOf, ADaemonThatServesItsOwnClockKnowsNothingOfTheTruth) {
  DaemonState state = Synchronised();
  state.own_clock = true;
  EXPECT_FALSE(SnapshotOf(state, kNow).synchronised);
}

ntp::Snapshot Measured(Duration offset) {
  ntp::Snapshot s;
  s.synchronised = true;
  s.stratum = 4;
  s.leap = ntp::Leap::kNone;
  s.offset = offset;
  s.error_bound = milliseconds(1);
  s.sources.push_back({.name = "own"});
  return s;
}

TEST(Weigh, TheDaemonsWordCountsWhileItAgreesAndIsFiner) {
  const ntp::Snapshot said = SnapshotOf(Synchronised(), kNow);
  ntp::Snapshot measured = Measured(milliseconds(3));
  measured.error_bound = milliseconds(6);
  EXPECT_EQ(Weigh(said, measured).offset, milliseconds(-2));
  EXPECT_EQ(Weigh(said, {}).offset, milliseconds(-2)) << "nothing was measured";
}

TEST(Weigh, AMeasurementThatIsFinerCounts) {
  ntp::Snapshot measured = Measured(milliseconds(-1));
  measured.error_bound = microseconds(10);
  const ntp::Snapshot s = Weigh(SnapshotOf(Synchronised(), kNow), measured);
  EXPECT_EQ(s.offset, milliseconds(-1));
  EXPECT_EQ(s.error_bound, microseconds(10));
  EXPECT_EQ(s.sources[0].name, "ntp1.example") << "the sources are the daemon's";
}

TEST(Weigh, AMeasurementThatContradictsItCounts) {
  const ntp::Snapshot s =
      Weigh(SnapshotOf(Synchronised(), kNow), Measured(milliseconds(4) + microseconds(1)));
  EXPECT_EQ(s.offset, milliseconds(4) + microseconds(1));
  EXPECT_EQ(s.stratum, 4);
  ASSERT_EQ(s.sources.size(), 2U);
  EXPECT_EQ(s.sources[0].name, "ntp1.example");
}

TEST(Weigh, AMeasurementStandsForADaemonThatTellsNoBound) {
  DaemonState state = Synchronised();
  state.error_bound.reset();
  const ntp::Snapshot s = Weigh(SnapshotOf(state, kNow), Measured(milliseconds(7)));
  EXPECT_TRUE(s.synchronised);
  EXPECT_EQ(s.offset, milliseconds(7));
}

TEST(ReadOutput, OfOpenntpdIsRead) {
  const DaemonState state =
      ReadOutput(Kind::kOpenntpd, Fixture("openntpd-6.2-synced.txt"), /*well=*/true);
  EXPECT_TRUE(state.answered);
  EXPECT_EQ(state.daemon, "openntpd");
  EXPECT_EQ(state.stratum, 3);
}

TEST(ReadOutput, AnErrorIsTheTrouble) {
  const DaemonState state =
      ReadOutput(Kind::kTimesyncd, "Failed to connect to bus: Host is down\n", /*well=*/false);
  EXPECT_FALSE(state.answered);
  EXPECT_EQ(state.daemon, "timesyncd");
  EXPECT_EQ(state.trouble, "Failed to connect to bus: Host is down");
}

}  // namespace
}  // namespace fleetsync::observe
