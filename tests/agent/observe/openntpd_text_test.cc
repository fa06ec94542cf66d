#include "agent/observe/text_parsers.h"
#include "gmock/gmock.h"
#include "tests/agent/observe/fixture.h"

namespace fleetsync::observe {
namespace {

using std::chrono::microseconds;

TEST(Openntpd, ASyncedClockTellsItsStratumAndSelectedPeer) {
  DaemonState state;
  ASSERT_TRUE(ParseOpenntpd(Fixture("openntpd-6.2-synced.txt"), state));
  EXPECT_TRUE(state.synchronised());
  EXPECT_EQ(state.stratum, 3);
  ASSERT_EQ(state.sources.size(), 4U);
  ASSERT_NE(state.Selected(), nullptr);
  EXPECT_EQ(state.Selected()->name, "10.9.0.1");
  EXPECT_EQ(state.Selected()->delay, microseconds(51));
  EXPECT_EQ(state.Selected()->poll, 5);
  EXPECT_EQ(state.offset, microseconds(-822));
  EXPECT_EQ(state.error_bound, std::nullopt) << "it tells no root distance";
}

TEST(Openntpd, WhatIsStillToSlewIsPartOfTheOffset) {
  DaemonState state;
  ASSERT_TRUE(ParseOpenntpd(Fixture("openntpd-6.2-unsynced.txt"), state));
  EXPECT_FALSE(state.synchronised());
  EXPECT_EQ(state.stratum, 16);
  EXPECT_EQ(state.offset, microseconds(6'920));
  EXPECT_EQ(state.sources[0].offset, microseconds(6'920 - 185));
}

TEST(Openntpd, APeerThatIsNotValidHasNoOffset) {
  DaemonState state;
  ASSERT_TRUE(ParseOpenntpd(Fixture("openntpd-6.2-synced.txt"), state));
  EXPECT_EQ(state.sources[3].name, "10.9.0.99");
  EXPECT_EQ(state.sources[3].state, SourceState::kUnreachable);
  EXPECT_EQ(state.sources[3].offset, std::nullopt);
  EXPECT_EQ(state.sources[3].stratum, 16);
}

TEST(Openntpd, AnErrorIsNoAnswer) {
  DaemonState state;
  EXPECT_FALSE(
      ParseOpenntpd("ntpctl: connect: /var/run/ntpd.sock: No such file or directory\n", state));
}

}  // namespace
}  // namespace fleetsync::observe
