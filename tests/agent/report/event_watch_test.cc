#include "agent/report/event_watch.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::report {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A clock that can be stepped, looked at every second.
class World {
 public:
  explicit World(EventWatch& watch) : watch_(watch) { Look(); }

  void Pass(Duration d, double slewed_ppm = 0) {
    now_.mono += d;
    now_.system += d + FromSeconds(ToSeconds(d) * slewed_ppm * 1e-6);
    Look();
  }
  void Step(Duration step, Duration by_us = {}) {
    now_.system += step;
    we_stepped_ = by_us;
    Pass(seconds(1));
  }
  void Sleep(Duration d) {
    now_.system += d;
    slept_ += d;
    Pass(seconds(1));
  }
  Now now() const { return now_; }

 private:
  void Look() {
    watch_.OnClock({.now = now_, .slept = slept_, .we_stepped = we_stepped_});
    we_stepped_ = {};
  }

  EventWatch& watch_;
  Now now_{.mono = MonoTime(hours(1)), .system = SystemTime(hours(500'000))};
  Duration slept_{}, we_stepped_{};
};

std::string Line(const v1::Event& event) {
  std::string line = v1::EventKind_Name(event.kind()).substr(sizeof("EVENT_KIND_") - 1);
  if (!event.text().empty()) line += " " + event.text();
  if (event.amount_ns() != 0) line += " " + std::to_string(event.amount_ns() / 1'000'000) + " ms";
  return line;
}

std::vector<std::string> Taken(EventWatch& watch) {
  std::vector<std::string> lines;
  for (const v1::Event& event : watch.Take()) lines.push_back(Line(event));
  return lines;
}

ntp::Snapshot Following(const World& world, const std::string& source, Duration offset = {}) {
  ntp::Snapshot s;
  s.at = world.now();
  s.synchronised = true;
  s.leap = ntp::Leap::kNone;
  s.offset = offset;
  s.sources.push_back({.name = source,
                       .state = ntp::SourceState::kSelected,
                       .offset = offset,
                       .sample_age = seconds(1)});
  return s;
}

TEST(EventWatch, AStartIsToldWithTheHostsTime) {
  EventWatch watch;
  watch.OnStart({.mono = {}, .system = SystemTime(seconds(1'800'000'000))});
  const std::vector<v1::Event> events = watch.Take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind(), v1::EVENT_KIND_STARTED);
  EXPECT_EQ(events[0].host_time_us(), 1'800'000'000'000'000U);
  EXPECT_THAT(watch.Take(), IsEmpty()) << "once";
}

TEST(EventWatch, WhoeverStepsTheClockUnasked) {
  EventWatch watch;
  World world(watch);
  for (const Duration step :
       {seconds(10), seconds(-10), seconds(86'400), seconds(-1'000'000'000)}) {
    world.Step(step);
    EXPECT_TRUE(watch.urgent());
    EXPECT_EQ(watch.TakeForeignStep(), step);
    EXPECT_THAT(Taken(watch),
                ElementsAre("STEPPED_BY_OTHER " + std::to_string(step / milliseconds(1)) + " ms"));
    EXPECT_FALSE(watch.urgent());
  }
}

TEST(EventWatch, ASmallStepIsSeenAndAFastSlewIsNone) {
  EventWatch watch;
  World world(watch);
  for (int i = 0; i < 100; ++i) world.Pass(seconds(1), 83'333);
  world.Pass(minutes(10), -83'333);
  EXPECT_THAT(Taken(watch), IsEmpty());
  world.Step(milliseconds(128));
  EXPECT_THAT(Taken(watch), ElementsAre("STEPPED_BY_OTHER 128 ms"));
}

TEST(EventWatch, AStepToWhereTheDaemonSaidThatTheTruthIsIsItsOwn) {
  EventWatch watch;
  World world(watch);
  watch.OnState(Following(world, "a", seconds(-5)), "chrony");
  Taken(watch);
  world.Step(milliseconds(-5010));
  EXPECT_THAT(Taken(watch), ElementsAre("STEPPED -5010 ms"));
  EXPECT_EQ(watch.TakeForeignStep(), Duration::zero());
  world.Step(milliseconds(-5010));
  EXPECT_THAT(Taken(watch), ElementsAre("STEPPED_BY_OTHER -5010 ms")) << "it said so once";
}

TEST(EventWatch, BeforeADaemonIsSynchronisedItsSourcesSayWhereTheTruthIs) {
  EventWatch watch;
  World world(watch);
  ntp::Snapshot s = Following(world, "a", seconds(30));
  s.synchronised = false;
  s.sources[0].state = ntp::SourceState::kUnreachable;
  watch.OnState(s, "chrony");
  world.Step(seconds(30));
  EXPECT_THAT(Taken(watch), ElementsAre("STEPPED 30000 ms"));
}

TEST(EventWatch, OurOwnStepIsOurs) {
  EventWatch watch;
  World world(watch);
  world.Step(seconds(3), seconds(3));
  EXPECT_THAT(Taken(watch), ElementsAre("STEPPED 3000 ms"));
  world.Pass(seconds(1));
  world.Step(seconds(3), seconds(-7));
  EXPECT_THAT(Taken(watch), ElementsAre("STEPPED_BY_OTHER 3000 ms")) << "not what we asked for";
}

TEST(EventWatch, WhatTheKernelSlewsForUsIsNoStepAndASmallStepOfOursIsOne) {
  EventWatch watch(/*we_keep_the_clock=*/true);
  World world(watch);
  world.Pass(seconds(1), 125'000);
  EXPECT_THAT(Taken(watch), IsEmpty());
  world.Step(milliseconds(129), milliseconds(128));
  EXPECT_THAT(Taken(watch), ElementsAre("STEPPED 129 ms"));
  world.Step(milliseconds(300));
  EXPECT_THAT(Taken(watch), ElementsAre("STEPPED_BY_OTHER 300 ms"));
}

TEST(EventWatch, ASleepIsNoStep) {
  EventWatch watch;
  World world(watch);
  world.Sleep(hours(8));
  EXPECT_TRUE(watch.urgent());
  EXPECT_THAT(Taken(watch), ElementsAre("RESUMED 28800000 ms"));
}

TEST(EventWatch, SourcesComeAndGo) {
  EventWatch watch;
  World world(watch);
  watch.OnState(Following(world, "a"), "chrony");
  EXPECT_THAT(Taken(watch), ElementsAre("SOURCE_SELECTED a"));
  watch.OnState(Following(world, "a"), "chrony");
  EXPECT_THAT(Taken(watch), IsEmpty());
  watch.OnState(Following(world, "b"), "chrony");
  EXPECT_FALSE(watch.urgent()) << "another one is as good";
  EXPECT_THAT(Taken(watch), ElementsAre("SOURCE_SELECTED b"));
  ntp::Snapshot none;
  none.sources.push_back({.name = "b", .state = ntp::SourceState::kUnreachable});
  watch.OnState(none, "chrony");
  EXPECT_TRUE(watch.urgent());
  EXPECT_THAT(Taken(watch), ElementsAre("SOURCE_LOST b"));
}

TEST(EventWatch, AFalsetickerIsToldWhenItBecomesOne) {
  EventWatch watch;
  World world(watch);
  ntp::Snapshot s = Following(world, "a");
  s.sources.push_back({.name = "liar",
                       .state = ntp::SourceState::kFalseticker,
                       .offset = seconds(5),
                       .sample_age = seconds(1)});
  watch.OnState(s, "ntp");
  EXPECT_THAT(Taken(watch), ElementsAre("SOURCE_SELECTED a", "FALSETICKER liar"));
  watch.OnState(s, "ntp");
  EXPECT_THAT(Taken(watch), IsEmpty());
  world.Step(seconds(5));
  EXPECT_THAT(Taken(watch), ElementsAre("STEPPED_BY_OTHER 5000 ms"))
      << "nobody follows what a falseticker says";
}

TEST(EventWatch, AnotherDaemonIsToldAtOnceTheFirstIsNot) {
  EventWatch watch;
  World world(watch);
  watch.OnState({}, "chrony");
  EXPECT_THAT(Taken(watch), IsEmpty());
  watch.OnState({}, "");
  EXPECT_TRUE(watch.urgent());
  EXPECT_THAT(Taken(watch), ElementsAre("DAEMON"));
  watch.OnState({}, "ntpsec");
  EXPECT_THAT(Taken(watch), ElementsAre("DAEMON ntpsec"));
}

TEST(EventWatch, PanicAndLeapSecondsAreToldOnce) {
  EventWatch watch;
  World world(watch);
  ntp::Snapshot s = Following(world, "a", hours(1));
  s.panicking = true;
  s.leap = ntp::Leap::kInsert;
  for (int i = 0; i < 2; ++i) watch.OnState(s, "agent");
  EXPECT_THAT(Taken(watch), ElementsAre("SOURCE_SELECTED a", "PANIC 3600000 ms", "LEAP insert"));
  s.leap = ntp::Leap::kNone;
  watch.OnState(s, "agent");
  EXPECT_THAT(Taken(watch), ElementsAre("LEAP none"));
}

TEST(EventWatch, AReportDoesNotGrowWithoutEnd) {
  EventWatch watch;
  World world(watch);
  for (int i = 0; i < 1000; ++i) world.Step(seconds(10));
  EXPECT_EQ(watch.Take().size(), 32U);
}

}  // namespace
}  // namespace fleetsync::report
