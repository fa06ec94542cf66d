#include <cmath>
#include <string>

#include "gtest/gtest.h"
#include "proto/ntp/names.h"
#include "tests/sim/usual.h"
#include "tests/sim/world.h"

namespace fleetsync::sim {
namespace {

using Kind = ntp::Note::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Start, ASmallOffsetIsSlewedALargeOneStepped) {
  World small(Usual(1, -milliseconds(100)));
  small.RunFor(kMinute);
  EXPECT_LT(std::abs(small.clock().Error()), 1e-3);
  EXPECT_TRUE(small.steps.empty());
  World large(Usual(1, -milliseconds(200)));
  large.RunFor(kMinute);
  EXPECT_LT(std::abs(large.clock().Error()), 1e-3);
  EXPECT_EQ(large.steps.size(), 1u);
}

TEST(Start, NothingIsTouchedBeforeEverySourceThatAnswersWasHeard) {
  WorldConfig config = Usual(5, -seconds(1));
  config.servers[0].ahead = 5;  // near, and wrong
  config.servers[0].there.base = config.servers[0].back.base = 1e-5;
  World world(config);
  world.RunFor(kMinute);
  ASSERT_EQ(world.steps.size(), 1u);
  EXPECT_NEAR(ToSeconds(world.steps[0].second), 1, 0.01);
}

TEST(Start, TheFrequencyOfTheLastRunIsUsedFromTheFirstSecond) {
  World first(Usual(1));
  first.RunFor(6 * kHour);
  ASSERT_TRUE(first.LearnedDrift().has_value());
  EXPECT_NEAR(first.LearnedDrift()->frequency.value, -10, 0.2);
  WorldConfig config = Usual(1);
  config.engine.drift = first.LearnedDrift();
  config.servers[0].silent_from = 7;
  World again(config);
  again.RunFor(kHour);
  EXPECT_LT(std::abs(again.clock().Error()), 2e-3);
  config.engine.drift.reset();
  World forgetful(config);
  forgetful.RunFor(kHour);
  EXPECT_GT(std::abs(forgetful.clock().Error()), 3 * std::abs(again.clock().Error()));
}

// kill -9 ran no handler: the clock still runs at the rate of the slew, and nobody answers.
TEST(Start, WhatAKilledProgramsSlewLeftInTheKernelIsUndoneWithoutASource) {
  WorldConfig config = Usual(1);
  config.left_behind = {50'000 - 10};
  config.servers[0].silent_from = 0;
  config.engine.drift = ntp::Drift{{-10}, {0.1}};
  World world(config);
  world.RunFor(kHour);
  EXPECT_LT(std::abs(world.clock().Error()), 1e-3);
}

TEST(Start, TheFrequencyIsOnlySetWhereItIsKnown) {
  WorldConfig config = Usual(1);
  config.left_behind = {-10};  // by the program that ran before
  config.servers[0].silent_from = 0;
  World world(config);
  world.RunFor(kHour);
  EXPECT_LT(std::abs(world.clock().Error()), 1e-3);
}

TEST(Start, AnOscillator450PpmOffIsCaptured) {
  WorldConfig config = Usual(1);
  config.oscillator.frequency = 450e-6;
  World world(config);
  world.RunFor(kHour);
  EXPECT_LT(LargestError(world, kHour), 500e-6);
}

TEST(Panic, BeyondTheThresholdTheClockIsLeftAloneAndMeasuredOn) {
  World world(Usual(1, -seconds(2000)));
  world.RunFor(kHour);
  EXPECT_TRUE(world.steps.empty());
  EXPECT_EQ(world.CountNotes(Kind::kPanic), 1);
  const ntp::Snapshot s = world.TakeSnapshot();
  EXPECT_TRUE(s.panicking);
  EXPECT_TRUE(s.synchronised);
  EXPECT_NEAR(ToSeconds(s.offset), -world.clock().Error(), 1e-3);
  EXPECT_FALSE(world.kernel.has_value() && world.kernel->synchronised);
}

TEST(Panic, OnceAtTheStartItMayBeOverridden) {
  WorldConfig config = Usual(1, -seconds(2000));
  config.engine.panic_once = true;
  config.servers[0].jump = 5000;
  config.servers[0].jump_at = kHour;
  World world(config);
  world.RunFor(kHour - 1);
  EXPECT_EQ(world.steps.size(), 1u);
  EXPECT_LT(std::abs(world.clock().Error()), 1e-3);
  world.RunFor(kHour);
  EXPECT_EQ(world.steps.size(), 1u);
  EXPECT_EQ(world.CountNotes(Kind::kPanic), 1);
}

TEST(SyncNow, SetsAtOnceWhatThePanicThresholdLeftAlone) {
  World world(Usual(1, -seconds(2000)));
  world.RunFor(kMinute);
  ASSERT_TRUE(world.TakeSnapshot().panicking);
  EXPECT_EQ(world.SyncNow({.largest = seconds(1000)}).code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(world.steps.empty());
  ASSERT_TRUE(world.SyncNow({}).ok());
  EXPECT_EQ(world.steps.size(), 1u);
  EXPECT_LT(std::abs(world.clock().Error()), 1e-3);
  EXPECT_FALSE(world.TakeSnapshot().panicking);
  world.RunFor(kHour);
  EXPECT_EQ(world.steps.size(), 1u);
  EXPECT_LT(std::abs(world.clock().Error()), 1e-3);
}

TEST(SyncNow, GoesBackOnlyWhenItMay) {
  WorldConfig config = Usual(1);
  config.servers[0].jump = -10;
  config.servers[0].jump_at = kHour;
  World world(config);
  world.RunFor(kHour + 600);  // the stepout is not over
  ASSERT_TRUE(world.steps.empty());
  const Status refused = world.SyncNow({});
  EXPECT_EQ(refused.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Message(refused), "the clock would go back by 10.0 s");
  EXPECT_TRUE(world.steps.empty());
  ASSERT_TRUE(world.SyncNow({.allow_backward = true}).ok());
  EXPECT_EQ(world.steps.size(), 1u);
  EXPECT_NEAR(world.clock().Error(), -10, 1e-2);
}

TEST(SyncNow, SlewsBackWhereAStepWouldAskForItsFlag) {
  WorldConfig config = Usual(1);
  config.servers[0].jump = -0.05;
  config.servers[0].jump_at = kHour;
  World world(config);
  world.RunFor(kHour + 600);
  ASSERT_TRUE(world.SyncNow({}).ok());
  world.RunFor(3);
  EXPECT_TRUE(world.steps.empty());
  EXPECT_NEAR(world.clock().Error(), -0.05, 2e-3);
}

TEST(SyncNow, LeavesAClockThatIsRightToTheKernel) {
  World world(Usual(1));
  world.RunFor(kHour);
  ASSERT_TRUE(world.SyncNow({}).ok());
  EXPECT_TRUE(world.steps.empty());
  world.RunFor(kMinute);
  EXPECT_LT(std::abs(world.clock().Error()), 1e-3);
}

// A source is selected before the clock may be touched: the others are still being heard.
TEST(SyncNow, InTheFirstSecondsNothingIsBelievedYet) {
  WorldConfig config = Usual(2, -seconds(1));
  config.servers[1].silent_from = 0;
  World world(config);
  world.RunFor(3);
  ASSERT_TRUE(world.TakeSnapshot().synchronised);
  EXPECT_EQ(world.SyncNow({.allow_backward = true}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(world.steps.empty());
}

TEST(SyncNow, WithoutASourceNothingIsDone) {
  WorldConfig config = Usual(1);
  config.servers[0].silent_from = 0;
  World world(config);
  world.RunFor(kMinute);
  EXPECT_EQ(world.SyncNow({}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(world.steps.empty());
}

TEST(SlewOnly, TheClockIsNeverStepped) {
  WorldConfig config = Usual(1, seconds(20));
  config.engine.slew_only = true;
  World world(config);
  double before = -1;
  world.RunFor(kHour, [&] {
    const double shown = ToSeconds(world.clock().Read().system.time_since_epoch());
    EXPECT_GT(shown, before);
    before = shown;
  });
  EXPECT_TRUE(world.steps.empty());
  EXPECT_LT(std::abs(world.clock().Error()), 1e-3);
}

TEST(Stepout, AServerThatJumpsIsFollowedOnlyOnceItHasHeldForAQuarterOfAnHour) {
  WorldConfig config = Usual(1);
  config.servers[0].jump = 10;
  config.servers[0].jump_at = kHour;
  World world(config);
  world.RunFor(kHour + 850);
  EXPECT_TRUE(world.steps.empty());
  EXPECT_LT(std::abs(world.clock().Error()), 0.02);
  world.RunFor(300);
  ASSERT_EQ(world.steps.size(), 1u);
  EXPECT_NEAR(ToSeconds(world.steps[0].second), 10, 0.01);
}

TEST(Stepout, AServerThatComesBackInTimeHasMovedNothing) {
  WorldConfig config = Usual(1);
  config.servers[0].tamper = [](ntp::Packet& p, double now) {
    if (now < kHour || now > kHour + 600) return;
    p.receive.bits += 10ULL << 32;
    p.transmit.bits += 10ULL << 32;
  };
  World world(config);
  world.RunFor(2 * kHour);
  EXPECT_TRUE(world.steps.empty());
  EXPECT_LT(std::abs(world.clock().Error()), 500e-6);
}

TEST(Robust, ASpikeMovesNothing) {
  WorldConfig config = Usual(1);
  bool spiked = false;
  config.servers[0].tamper = [&spiked](ntp::Packet& p, double now) {
    if (now < kHour || spiked) return;
    spiked = true;
    p.receive.bits += 1ULL << 24;  // 4 ms
    p.transmit.bits += 1ULL << 24;
  };
  World world(config);
  world.RunFor(kHour - 1);
  EXPECT_LT(LargestError(world, 10 * kMinute), 150e-6);
  EXPECT_TRUE(spiked);
}

TEST(Robust, OneOfThreeServersThatJumpsTakesNobodyWithIt) {
  for (const double jump : {0.5e-3, 3e-3, 0.05, 5.0, -100.0}) {
    WorldConfig config = Usual(3);
    config.servers[1].jump = jump;
    config.servers[1].jump_at = 3 * kHour;
    World world(config);
    world.RunFor(3 * kHour - 1);
    EXPECT_LT(LargestError(world, 3 * kHour), 200e-6) << jump;
    EXPECT_TRUE(world.steps.empty());
  }
}

TEST(Robust, AHostileServerAmongThreeMovesNothingWhateverItSays) {
  WorldConfig config = Usual(3);
  auto random = std::make_shared<Random>(5);
  config.servers[0].tamper = [random](ntp::Packet& p, double) {
    p.receive.bits = (*random)();
    p.transmit.bits = p.receive.bits + ((*random)() >> 44);
    p.root_delay = Duration(static_cast<int64_t>((*random)() >> 34));
    p.root_dispersion = {};
    p.stratum = 1;
  };
  World world(config);
  world.RunFor(kMinute);
  EXPECT_LT(LargestError(world, 6 * kHour), 500e-6);
}

TEST(Robust, ALoneHostileServerCannotMoveTheClockBeyondThePanicThreshold) {
  WorldConfig config = Usual(1);
  config.servers[0].tamper = [](ntp::Packet& p, double now) {
    if (now < kHour) return;
    p.receive.bits += 2000ULL << 32;
    p.transmit.bits += 2000ULL << 32;
  };
  World world(config);
  world.RunFor(12 * kHour);
  EXPECT_TRUE(world.steps.empty());
  EXPECT_LT(std::abs(world.clock().Error()), 0.1);
}

TEST(Foreign, AStepByAnotherProgramIsTakenBackWithinAMinute) {
  World world(Usual(1));
  world.RunFor(kHour);
  world.clock().Step(milliseconds(300));
  world.RunFor(70);
  EXPECT_LT(std::abs(world.clock().Error()), 200e-6);
  EXPECT_EQ(world.steps.size(), 1u);
}

TEST(Foreign, AStepByManySecondsIsSeenAtOnceAndTakenBackWithinSeconds) {
  World world(Usual(1));
  world.RunFor(kHour);
  world.clock().Step(seconds(100));
  world.Wake();
  world.RunFor(10);
  EXPECT_EQ(world.CountNotes(Kind::kClockJumped), 1);
  EXPECT_LT(std::abs(world.clock().Error()), 1e-3);
}

TEST(Foreign, AfterASleepTheClockIsSetWithinSeconds) {
  World world(Usual(1));
  world.RunFor(kHour);
  world.clock().Sleep(1800);
  world.clock().Step(milliseconds(700));  // the hardware clock's error
  world.Wake();
  world.RunFor(10);
  EXPECT_LT(std::abs(world.clock().Error()), 1e-3);
}

TEST(Foreign, AResumedVirtualMachineIsSteppedSecondsAfterItsNextAnswer) {
  World world(Usual(3));
  world.RunFor(kHour);
  world.clock().Pause(120);
  world.RunFor(30 + 64);
  EXPECT_LT(std::abs(world.clock().Error()), 2e-3);
  EXPECT_EQ(world.steps.size(), 1u);
}

TEST(Foreign, WithoutPermissionTheClockIsMeasuredOn) {
  WorldConfig config = Usual(1, -seconds(1));
  World world(config);
  world.may_steer = false;
  world.RunFor(kHour);
  const ntp::Snapshot s = world.TakeSnapshot();
  EXPECT_TRUE(s.synchronised);
  EXPECT_NEAR(ToSeconds(s.offset), -world.clock().Error(), 1e-3);
  EXPECT_EQ(world.CountNotes(Kind::kClockJumped), 0);
}

TEST(Holdover, TheBoundGrowsAndHoldsWhileTheSourcesAreGone) {
  WorldConfig config = Usual(2);
  for (Server& server : config.servers) server.silent_from = 6 * kHour;
  World world(config);
  world.RunFor(6 * kHour);
  Duration last = world.TakeSnapshot().error_bound;
  for (int i = 0; i < 24; ++i) {
    world.RunFor(kHour);
    const ntp::Snapshot s = world.TakeSnapshot();
    EXPECT_TRUE(s.synchronised || s.holdover);
    EXPECT_GT(s.error_bound, last);
    EXPECT_LE(std::abs(-world.clock().Error() - ToSeconds(s.offset)), ToSeconds(s.error_bound));
    last = s.error_bound;
  }
  EXPECT_TRUE(world.TakeSnapshot().holdover);
  EXPECT_LT(std::abs(world.clock().Error()), 20e-3);
}

TEST(Holdover, WhenTheSourcesAreBackTheClockIsRightAgainWithinAFewPolls) {
  WorldConfig config = Usual(2);
  for (Server& server : config.servers)
    server.silent_from = kHour, server.silent_until = 13 * kHour;
  World world(config);
  world.RunFor(13 * kHour + 5 * kMinute);
  EXPECT_LT(LargestError(world, kHour), 300e-6);
}

TEST(Sources, WhenTheSelectedOneDiesAnotherIsInUseWithinAFewPolls) {
  WorldConfig config = Usual(2);
  config.source.maxpoll = 10;
  config.servers[0].silent_from = 12 * kHour;
  World world(config);
  world.RunFor(12 * kHour);
  world.RunFor(kHour);
  EXPECT_EQ(world.TakeSnapshot().sources[1].state, ntp::SourceState::kSelected);
  EXPECT_EQ(world.TakeSnapshot().sources[0].state, ntp::SourceState::kUnreachable);
}

TEST(Sources, AFallbackIsFollowedOnlyWhileTheOthersAreGone) {
  WorldConfig config = Usual(3);
  ntp::SourceConfig like = config.source;
  for (int i = 0; i < 3; ++i) {
    like.name = "ntp" + std::to_string(i);
    like.fallback = i == 2;
    config.engine.sources.push_back(like);
  }
  config.servers[2].ahead = 1e-3;
  for (int i = 0; i < 2; ++i)
    config.servers[static_cast<size_t>(i)].silent_from = 2 * kHour,
    config.servers[static_cast<size_t>(i)].silent_until = 4 * kHour;
  World world(config);
  world.RunFor(2 * kHour);
  EXPECT_LT(std::abs(world.clock().Error()), 200e-6);
  EXPECT_NE(world.TakeSnapshot().sources[2].state, ntp::SourceState::kSelected);
  world.RunFor(1.9 * kHour);
  EXPECT_EQ(world.TakeSnapshot().sources[2].state, ntp::SourceState::kSelected);
  world.RunFor(kHour);
  EXPECT_NE(world.TakeSnapshot().sources[2].state, ntp::SourceState::kSelected);
  EXPECT_LT(std::abs(world.clock().Error()), 300e-6);
}

TEST(Sources, FewerThanMinSourcesThatAgreeMoveNothing) {
  WorldConfig config = Usual(1, -seconds(1));
  config.engine.min_sources = 2;
  World world(config);
  world.RunFor(kHour);
  EXPECT_TRUE(world.steps.empty());
  EXPECT_NEAR(world.clock().Error(), -1 + 0.036, 0.01);
}

TEST(Sources, AMeasuredOnlySourceIsNotFollowed) {
  WorldConfig config = Usual(1, -seconds(1));
  config.source.noselect = true;
  World world(config);
  world.RunFor(kHour);
  EXPECT_TRUE(world.steps.empty());
  EXPECT_GT(world.TakeSnapshot().sources[0].reach, 0);
}

TEST(Sources, AServerThatSmearsIsNotMixedWithThoseThatDoNot) {
  WorldConfig config = Usual(2);
  config.servers[0].stratum = 2;
  config.servers[0].ahead = 0.2e-3;
  config.servers[0].tamper = [](ntp::Packet& p, double) { p.reference_id = 0xfe000001; };
  World world(config);
  world.RunFor(2 * kHour);
  EXPECT_EQ(world.TakeSnapshot().sources[1].state, ntp::SourceState::kSelected);
  EXPECT_LT(std::abs(world.clock().Error()), 100e-6);
}

TEST(Frequency, AShockIsFollowedWithinMinutes) {
  WorldConfig config = Usual(1);
  config.oscillator.shock = 2e-6;
  config.oscillator.shock_at = 6 * kHour;
  World world(config);
  world.RunFor(6 * kHour);
  EXPECT_LT(LargestError(world, kHour), 1e-3);
  EXPECT_LT(LargestError(world, kHour), 200e-6);
}

TEST(Kernel, OtherProgramsReadAnHonestBound) {
  World world(Usual(2));
  world.RunFor(kMinute);
  int told = 0;
  world.RunFor(6 * kHour, [&] {
    if (!world.kernel) return;
    ++told;
    EXPECT_TRUE(world.kernel->synchronised);
    EXPECT_LE(std::abs(world.clock().Error()), ToSeconds(world.kernel->max_error));
    EXPECT_LT(world.kernel->max_error, milliseconds(5));
    world.kernel.reset();
  });
  EXPECT_GT(told, 6 * 3600 / 70);
}

}  // namespace
}  // namespace fleetsync::sim
