#include "controller/status/judge.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/status/fleet_builder.h"

namespace fleetsync::status {
namespace {

using namespace std::chrono_literals;

HostView Seen(const HostInput& host) {
  return BuildFleetView(std::vector<HostInput>{host}, kNow, {}).hosts.at(0);
}
State StateOf(const HostInput& host) { return Seen(host).state; }

HostInput With(HostInput host, EventKind kind, Duration ago) {
  host.events = {{.at = kNow - ago, .kind = kind, .amount = 1s, .text = {}}};
  return host;
}

// A host whose |offset| was as given, a point a minute, the last one a minute ago.
HostInput WithRecent(HostInput host, const std::vector<Duration>& offsets) {
  for (const Duration offset : offsets)
    host.recent.push_back({.at = kNow, .reports = 1, .synchronised = 1, .offset_mean = offset});
  return host;
}

TEST(Judge, AStepIsMarkedLongAfterItHasSettled) {
  const HostInput host = HostAt("a", 1ms, 1ms);
  EXPECT_EQ(StateOf(With(host, EventKind::kStepped, 1min)), State::kConverging);
  EXPECT_TRUE(Seen(With(host, EventKind::kStepped, 1min)).within_tolerance);
  const HostView later = Seen(With(host, EventKind::kSteppedByOther, 10min));
  EXPECT_EQ(later.state, State::kSynced);
  EXPECT_TRUE(later.marks.stepped);
  EXPECT_FALSE(Seen(With(host, EventKind::kStepped, 16min)).marks.stepped);
  EXPECT_FALSE(Seen(With(host, EventKind::kSlewed, 1min)).marks.stepped);
}

TEST(Judge, AStartCountsWhereTheAgentKeepsTheClock) {
  HostInput host = HostAt("a", 1ms, 1ms);
  EXPECT_EQ(StateOf(With(host, EventKind::kStarted, 1min)), State::kSynced) << "chrony's clock";
  host.reading->daemon = "agent";
  EXPECT_EQ(StateOf(With(host, EventKind::kStarted, 1min)), State::kConverging);
  EXPECT_EQ(StateOf(With(host, EventKind::kStarted, 4min)), State::kSynced);
}

TEST(Judge, AnOffsetThatShrinksIsConvergingNotOffAndStillOutOfTolerance) {
  const HostInput far = HostAt("a", 50ms, 1ms);
  const HostView nearing = Seen(WithRecent(far, {80ms, 70ms, 60ms}));
  EXPECT_EQ(nearing.state, State::kConverging);
  EXPECT_FALSE(nearing.within_tolerance);
  EXPECT_EQ(StateOf(WithRecent(far, {60ms, 70ms, 60ms})), State::kOff);
  EXPECT_EQ(StateOf(WithRecent(far, {50ms, 50ms, 50ms})), State::kOff) << "it stays where it is";
  EXPECT_EQ(StateOf(WithRecent(far, {80ms, 70ms})), State::kOff) << "too little is known";
  EXPECT_EQ(StateOf(WithRecent(HostAt("a", -50ms, 1ms), {-80ms, -70ms, -60ms})),
            State::kConverging);
}

TEST(Judge, WithoutASourceAClockThatIsKnownIsFreeRunning) {
  HostInput holdover = HostAt("a", 1ms, 1ms);
  holdover.reading->holdover = true;
  holdover.reading->stratum = 16;
  holdover.reading->leap = 3;
  EXPECT_EQ(StateOf(holdover), State::kFreeRunning);
  EXPECT_TRUE(Seen(holdover).within_tolerance);
  holdover.reading->error_bound = 11ms;
  EXPECT_EQ(StateOf(holdover), State::kOff) << "its bound has grown beyond the tolerance";
  EXPECT_TRUE(Seen(holdover).marks.free_running);

  HostInput unheard = HostAt("a", 1ms, 1ms);
  unheard.reading->reach = 0;
  EXPECT_EQ(StateOf(unheard), State::kFreeRunning);
  unheard.reading->reach = std::nullopt;
  EXPECT_EQ(StateOf(unheard), State::kSynced) << "a daemon that tells no reach";
}

TEST(Judge, AHostIsContradictedBeyondBothBounds) {
  HostInput host = HostAt("a", 1ms, 1ms);
  host.reading->measured = 4ms;
  host.reading->measured_bound = 2ms;
  EXPECT_EQ(StateOf(host), State::kSynced) << "the intervals touch";
  host.reading->measured = 4ms + 1ns;
  EXPECT_EQ(StateOf(host), State::kContradicted);
  EXPECT_FALSE(Seen(host).within_tolerance);
  host.reading->measured_at = host.reading->at - 1min;
  EXPECT_EQ(StateOf(host), State::kSynced) << "in a minute a clock may drift by that";
  host.reading->measured = 9ms;
  EXPECT_EQ(StateOf(host), State::kContradicted);
}

HostInput Following(const std::string& name, const std::string& good,
                    const std::vector<std::string>& bad) {
  HostInput host = HostAt(name, 0ms, 1ms);
  host.reading->source = good;
  host.sources = {{.name = good, .address = good, .state = kSourceSelected, .reference_id = {}}};
  for (const std::string& other : bad)
    host.sources.push_back(
        {.name = other, .address = other, .state = kSourceFalseticker, .reference_id = {}});
  return host;
}

TEST(Judge, AHostThatFollowsWhatTheOthersCallFalse) {
  const std::vector<HostInput> hosts = {Following("a", "192.0.2.1", {"192.0.2.9"}),
                                        Following("b", "192.0.2.1", {"192.0.2.9"}),
                                        Following("c", "192.0.2.9", {})};
  const FleetView view = BuildFleetView(hosts, kNow, {});
  EXPECT_EQ(view.hosts[0].input.host, "c");
  EXPECT_EQ(view.hosts[0].state, State::kFalseticker);
  EXPECT_EQ(view.hosts[1].state, State::kSynced);
  EXPECT_EQ(view.summary.within_tolerance, 2u);
  EXPECT_EQ(ExitCodeOf(view), 4);
}

TEST(Judge, OneHostAloneDoesNotMakeAFalseticker) {
  const std::vector<HostInput> hosts = {Following("a", "192.0.2.1", {}),
                                        Following("b", "192.0.2.1", {}),
                                        Following("c", "192.0.2.2", {"192.0.2.1"})};
  EXPECT_EQ(BuildFleetView(hosts, kNow, {}).summary.count(State::kFalseticker), 0u);
}

TEST(Judge, AnOldReportHasNoVote) {
  HostInput old = Following("a", "192.0.2.1", {"192.0.2.9"});
  old.reading->at = kNow - 1h;
  const std::vector<HostInput> hosts = {old, Following("c", "192.0.2.9", {})};
  EXPECT_EQ(BuildFleetView(hosts, kNow, {}).summary.count(State::kFalseticker), 0u);
}

TEST(Judge, WhatIsNamedTheSameOnEveryHostIsNotTheSameSource) {
  const std::vector<HostInput> hosts = {Following("a", "192.0.2.1", {"127.127.1.0", "PPS0"}),
                                        Following("c", "127.127.1.0", {}),
                                        Following("d", "PPS0", {})};
  EXPECT_EQ(BuildFleetView(hosts, kNow, {}).summary.count(State::kFalseticker), 0u);
}

TEST(Judge, WhenMostAreContradictedTheMeasurementIsDoubted) {
  std::vector<HostInput> hosts;
  for (const char* name : {"a", "b", "c"}) {
    hosts.push_back(HostAt(name, 0ms, 1ms));
    hosts.back().reading->measured = 5s;
    hosts.back().reading->measured_bound = 1ms;
  }
  EXPECT_TRUE(BuildFleetView(hosts, kNow, {}).summary.measurement_doubtful);
  hosts[0].reading->measured = hosts[1].reading->measured = Duration{};
  EXPECT_FALSE(BuildFleetView(hosts, kNow, {}).summary.measurement_doubtful);
}

TEST(State, NamesComeBack) {
  for (const State state : kStates) EXPECT_EQ(StateNamed(ToString(state)), state);
  EXPECT_EQ(StateNamed("well"), std::nullopt);
}

}  // namespace
}  // namespace fleetsync::status
