#include "agent/engine/engine.h"

#include <bit>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/ntp/key_file.h"
#include "proto/ntp/names.h"
#include "tests/agent/engine/world.h"

namespace fleetsync::ntp {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// |what the engine says - the truth| <= what it says it may be wrong.
void ExpectBoundHolds(const World& world) {
  const Snapshot s = world.TakeSnapshot();
  ASSERT_TRUE(s.synchronised);
  EXPECT_LE(Abs(s.offset - world.TrueOffset()), s.error_bound)
      << "offset " << s.offset.count() << " truth " << world.TrueOffset().count();
}

TEST(Engine, MeasuresAnOffsetWithinItsBoundSecondsAfterTheStart) {
  World world({FakeServer{}});
  world.moved = milliseconds(30);
  world.StartEngine({.iburst = true});
  world.RunFor(seconds(1));
  ExpectBoundHolds(world);
  EXPECT_NEAR(ToSeconds(world.TakeSnapshot().offset), -0.030, 0.0001);
  EXPECT_LT(world.TakeSnapshot().error_bound, milliseconds(2));
}

TEST(Engine, TheBoundHoldsAtEveryMomentWithAFreeRunningClockAndAnUnevenNetwork) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    World world(
        {FakeServer{.there = milliseconds(9), .back = milliseconds(1), .jitter = milliseconds(8)}},
        seed);
    world.ppm = 80;
    world.moved = -seconds(3);
    world.StartEngine({.iburst = true});
    world.RunFor(seconds(10));
    for (int i = 0; i < 400; ++i) {
      world.RunFor(milliseconds(3'777));
      ExpectBoundHolds(world);
    }
  }
}

TEST(Engine, ASlewByAnotherProgramIsSeenWithoutANewMeasurement) {
  World world({FakeServer{}});
  world.moved = milliseconds(400);
  world.StartEngine({.iburst = true});
  world.RunFor(seconds(200));
  const int asked = world.servers[0].asked;
  for (int i = 0; i < 40; ++i) {
    world.RunFor(milliseconds(100));
    world.moved -= milliseconds(10);
  }
  ASSERT_EQ(world.servers[0].asked, asked);
  ExpectBoundHolds(world);
  EXPECT_LT(Abs(world.TakeSnapshot().offset), milliseconds(2));
}

TEST(Engine, AStepByAnotherProgramVoidsTheSamplesAndIsMeasuredAnewWithinSeconds) {
  World world({FakeServer{}});
  world.StartEngine({.iburst = true});
  world.RunFor(minutes(5));
  world.moved = seconds(10);
  world.RunFor(minutes(2));
  EXPECT_EQ(world.CountNotes(Note::Kind::kClockJumped), 1);
  ExpectBoundHolds(world);
  EXPECT_NEAR(ToSeconds(world.TakeSnapshot().offset), -10, 0.001);
}

TEST(Engine, WhatWasMeasuredBeforeASleepIsVoidAfterIt) {
  World world({FakeServer{}});
  world.StartEngine({.iburst = true});
  world.RunFor(minutes(5));
  world.Sleep(minutes(30));
  world.Wake();
  EXPECT_FALSE(world.TakeSnapshot().synchronised);
  world.RunFor(seconds(1));
  ExpectBoundHolds(world);
}

TEST(Engine, OneFalsetickerAmongThreeIsMarkedAndNotFollowed) {
  World world({FakeServer{.ahead = milliseconds(300)}, FakeServer{}, FakeServer{.stratum = 2}});
  world.StartEngine({.iburst = true});
  world.RunFor(seconds(10));
  const Snapshot s = world.TakeSnapshot();
  EXPECT_EQ(s.sources[0].state, SourceState::kFalseticker);
  EXPECT_EQ(s.sources[1].state, SourceState::kSelected);
  EXPECT_EQ(s.sources[2].state, SourceState::kCandidate);
  EXPECT_EQ(s.stratum, 2);
  EXPECT_EQ(world.CountNotes(Note::Kind::kFalseticker), 1);
  ExpectBoundHolds(world);
}

TEST(Engine, TwoServersThatDisagreeAreBothNotBelieved) {
  World world({FakeServer{.ahead = seconds(1)}, FakeServer{}});
  world.StartEngine({.iburst = true});
  world.RunFor(seconds(10));
  const Snapshot s = world.TakeSnapshot();
  EXPECT_FALSE(s.synchronised);
  EXPECT_EQ(s.stratum, 16);
  EXPECT_EQ(s.leap, Leap::kUnsynchronised);
  EXPECT_EQ(s.sources[0].state, SourceState::kFalseticker);
  EXPECT_EQ(s.sources[1].state, SourceState::kFalseticker);
}

TEST(Engine, TheReachRegisterShiftsOncePerRequestAndAnAnswerSetsItsLowestBit) {
  World world({FakeServer{}});
  world.StartEngine(SourceConfig{});
  world.RunFor(seconds(5));
  EXPECT_EQ(world.TakeSnapshot().sources[0].reach, 0b1);
  world.servers[0].answers = false;
  while (world.servers[0].asked < 3) world.RunFor(seconds(1));
  EXPECT_EQ(world.TakeSnapshot().sources[0].reach, 0b100);
  EXPECT_EQ(world.TakeSnapshot().sources[0].trouble, "no answer");
  world.servers[0].answers = true;
  while (world.servers[0].asked < 4) world.RunFor(seconds(1));
  world.RunFor(seconds(1));
  EXPECT_EQ(world.TakeSnapshot().sources[0].reach, 0b1001);
  EXPECT_EQ(world.TakeSnapshot().sources[0].trouble, "");
}

TEST(Engine, ASourceIsLostAfterEightUnansweredRequestsAndNotBefore) {
  World world({FakeServer{}});
  world.StartEngine(SourceConfig{});
  world.RunFor(seconds(5));
  world.servers[0].answers = false;
  while (world.servers[0].asked < 8) world.RunFor(seconds(1));
  EXPECT_TRUE(world.TakeSnapshot().synchronised);
  while (world.servers[0].asked < 9) world.RunFor(seconds(1));
  world.RunFor(seconds(1));
  EXPECT_FALSE(world.TakeSnapshot().synchronised);
  EXPECT_EQ(world.CountNotes(Note::Kind::kLost), 1);
}

TEST(Engine, IburstIsFourRequestsTwoSecondsApartThenEverLongerSpansThenThePollInterval) {
  World world({FakeServer{}});
  world.StartEngine({.iburst = true});
  world.RunFor(minutes(5));
  const auto& at = world.servers[0].asked_at;
  ASSERT_GE(at.size(), 11u);
  for (size_t i = 1; i < 4; ++i) EXPECT_NEAR(ToSeconds(at[i] - at[i - 1]), 2, 0.001);
  for (size_t i = 0; i < 6; ++i)  // 8, 8, 16, 16, 32, 32: the frequency is learned
    EXPECT_NEAR(ToSeconds(at[i + 4] - at[i + 3]), 8 << (i / 2), 0.001);
  EXPECT_NEAR(ToSeconds(at[10] - at[9]), 65.3, 1.3);
}

TEST(Engine, ThePollIntervalIsMinpollWhereMaxpollIsToo) {
  World world({FakeServer{}});
  world.StartEngine({.minpoll = 4, .maxpoll = 4});
  world.RunFor(seconds(1600));
  EXPECT_NEAR(world.servers[0].asked, 98, 2);
}

TEST(Engine, AQuietNetworkAndASteadyClockAreAskedSeldom) {
  World world({FakeServer{.jitter = milliseconds(1)}});
  world.StartEngine({.minpoll = 4, .maxpoll = 9, .iburst = true});
  world.RunFor(minutes(300));
  EXPECT_EQ(world.TakeSnapshot().sources[0].poll, 9);
}

TEST(Engine, ARateKissHalvesTheRateAndEndsTheBurst) {
  World world({FakeServer{}});
  world.servers[0].tamper = [](Packet& p) {
    p.stratum = 0;
    p.reference_id = ReferenceId("RATE");
  };
  world.StartEngine({.minpoll = 4, .maxpoll = 6, .iburst = true});
  world.RunFor(seconds(1));
  EXPECT_EQ(world.TakeSnapshot().sources[0].poll, 5);
  world.RunFor(minutes(60));
  EXPECT_EQ(world.TakeSnapshot().sources[0].poll, 6);
  EXPECT_NEAR(world.servers[0].asked, 60 * 60 / 64 + 1, 4);
  EXPECT_EQ(world.TakeSnapshot().sources[0].trouble, "kiss-o'-death RATE");
}

TEST(Engine, ABurstIsNotResumedAfterARateKiss) {
  World world({FakeServer{}});
  world.servers[0].tamper = [&world](Packet& p) {
    if (world.servers[0].asked > 1) return;
    p.stratum = 0;
    p.reference_id = ReferenceId("RATE");
  };
  world.StartEngine({.minpoll = 4, .maxpoll = 6, .iburst = true});
  world.RunFor(minutes(10));
  const auto& at = world.servers[0].asked_at;
  for (size_t i = 1; i < at.size(); ++i) EXPECT_GT(at[i] - at[i - 1], seconds(30));
}

TEST(Engine, AServerThatDeniesIsNeverAskedAgain) {
  for (const uint32_t code : {ReferenceId("DENY"), ReferenceId("RSTR")}) {
    World world({FakeServer{}, FakeServer{}});
    world.StartEngine({.iburst = true});
    world.RunFor(minutes(2));
    world.servers[0].tamper = [&](Packet& p) {
      p.stratum = 0;
      p.reference_id = code;
    };
    world.RunFor(minutes(2));
    const int asked = world.servers[0].asked;
    world.RunFor(minutes(600));
    EXPECT_EQ(world.servers[0].asked, asked);
    EXPECT_EQ(world.TakeSnapshot().sources[0].state, SourceState::kUnreachable);
    EXPECT_EQ(world.TakeSnapshot().sources[1].state, SourceState::kSelected);
  }
}

TEST(Engine, AnAnswerThatDoesNotEchoTheCookieIsNoAnswer) {
  World world({FakeServer{}});
  world.servers[0].tamper = [](Packet& p) { p.origin.bits += 1; };
  world.StartEngine({.iburst = true});
  world.RunFor(minutes(5));
  EXPECT_FALSE(world.TakeSnapshot().synchronised);
  EXPECT_EQ(world.TakeSnapshot().sources[0].reach, 0);
}

TEST(Engine, AForgedAnswerDoesNotDisplaceTheTrueOne) {
  World world({FakeServer{.forged_first = true}});
  world.StartEngine({.iburst = true});
  world.RunFor(seconds(10));
  EXPECT_EQ(world.TakeSnapshot().sources[0].reach, 0b1111);
}

TEST(Engine, CookiesAreNeverRepeatedAndTellNothingOfTheClock) {
  World world({FakeServer{}});
  world.StartEngine({.minpoll = 0});
  world.RunFor(seconds(1000));
  std::set<uint64_t> cookies;
  for (const Packet& request : world.servers[0].requests) {
    cookies.insert(request.transmit.bits);
    EXPECT_GT(Abs(ToSystemTime(request.transmit, World::kEpoch) - World::kEpoch), seconds(1000));
  }
  EXPECT_EQ(cookies.size(), world.servers[0].requests.size());
}

TEST(Engine, AServerThatIsNotSynchronisedIsNotBelieved) {
  World world({FakeServer{}});
  world.StartEngine({.iburst = true});
  world.RunFor(minutes(2));
  ASSERT_TRUE(world.TakeSnapshot().synchronised);
  world.servers[0].tamper = [](Packet& p) { p.leap = Leap::kUnsynchronised; };
  world.RunFor(minutes(2));
  EXPECT_FALSE(world.TakeSnapshot().synchronised);
  EXPECT_EQ(world.TakeSnapshot().sources[0].trouble, "the server is not synchronised");
}

TEST(Engine, TwoNamesOfOneServerHaveOneVote) {
  World world({FakeServer{.ahead = seconds(1)}, FakeServer{}, FakeServer{}});
  world.names["alias"] = {World::AddressOf(0)};
  world.StartWith({{.name = "ntp0", .iburst = true},
                   {.name = "alias", .iburst = true},
                   {.name = "ntp1", .iburst = true},
                   {.name = "ntp2", .iburst = true}});
  world.RunFor(seconds(10));
  EXPECT_FALSE(world.TakeSnapshot().sources[1].address.has_value());
  EXPECT_LT(Abs(world.TakeSnapshot().offset), milliseconds(2));
}

TEST(Engine, ANameThatDoesNotResolveIsAskedForEverMoreSeldom) {
  World world({FakeServer{}});
  world.StartWith({{.name = "nowhere"}}, 1);
  world.RunFor(minutes(60));
  EXPECT_GT(world.resolved.size(), 20u);
  EXPECT_LT(world.resolved.size(), 40u);
  EXPECT_EQ(world.TakeSnapshot().sources[0].trouble, "the name does not resolve");
  world.names["nowhere"] = {World::AddressOf(0)};
  world.RunFor(minutes(5));
  EXPECT_TRUE(world.TakeSnapshot().synchronised);
}

TEST(Engine, AServerThatDiesIsReplacedByAnotherAddressOfItsName) {
  World world({FakeServer{}, FakeServer{}});
  world.names["pool"] = {World::AddressOf(0), World::AddressOf(1)};
  world.StartWith({{.name = "pool", .minpoll = 4}}, 1);
  world.RunFor(minutes(1));
  ASSERT_EQ(world.TakeSnapshot().sources[0].address, World::AddressOf(0));
  world.servers[0].answers = false;
  world.RunFor(minutes(4));
  EXPECT_EQ(world.TakeSnapshot().sources[0].address, World::AddressOf(1));
  EXPECT_TRUE(world.TakeSnapshot().synchronised);
}

TEST(Engine, TheSameEventsGiveTheSameRequestsBitForBit) {
  std::vector<uint64_t> cookies[2];
  for (auto& c : cookies) {
    World world({FakeServer{.jitter = milliseconds(3)}}, 7);
    world.StartEngine({.iburst = true});
    world.RunFor(minutes(30));
    for (const Packet& p : world.servers[0].requests) c.push_back(p.transmit.bits);
  }
  EXPECT_GT(cookies[0].size(), 10u);
  EXPECT_EQ(cookies[0], cookies[1]);
}

Authenticator Keys() {
  return *Authenticator::Create(
      ParseKeyFile("7 SHA1 ASCII:not-a-secret\n8 SHA1 ASCII:another-one\n", KeyFileFormat::kChrony)
          ->keys);
}

TEST(Engine, OnlyAnswersMadeWithTheAgreedKeyAreBelieved) {
  enum class Seal { kRight, kOtherKey, kNone, kChanged };
  for (const Seal kind : {Seal::kRight, Seal::kOtherKey, Seal::kNone, Seal::kChanged}) {
    Authenticator server_keys = Keys();
    World world({FakeServer{}});
    world.servers[0].seal = [&](std::vector<std::byte>& wire) {
      if (kind == Seal::kNone) return;
      std::array<std::byte, kMacRoom> mac;
      const size_t size = server_keys.Append(kind == Seal::kOtherKey ? 8 : 7, wire, mac);
      wire.insert(wire.end(), mac.begin(), mac.begin() + static_cast<std::ptrdiff_t>(size));
      if (kind == Seal::kChanged) wire[40] ^= std::byte{1};
    };
    world.StartWith({{.name = "ntp0", .iburst = true, .key = 7}}, 1,
                    std::make_shared<Authenticator>(Keys()));
    world.RunFor(seconds(10));
    EXPECT_EQ(world.TakeSnapshot().synchronised, kind == Seal::kRight);
    EXPECT_EQ(world.servers[0].request_sizes[0], 72u);
    const std::string trouble = world.TakeSnapshot().sources[0].trouble;
    EXPECT_EQ(trouble.starts_with("not authentic: "), kind != Seal::kRight) << trouble;
  }
}

TEST(Engine, InterleavedModeTellsWhenAnAnswerReallyLeft) {
  for (const bool xleave : {false, true}) {
    World world({FakeServer{.stamps_late = microseconds(400)}});
    world.StartEngine({.iburst = true, .xleave = xleave});
    world.RunFor(minutes(10));
    const Snapshot s = world.TakeSnapshot();
    EXPECT_EQ(s.sources[0].interleaved, xleave);
    EXPECT_EQ(s.sources[0].reach, 0xff);
    const Duration error = Abs(s.offset - world.TrueOffset());
    if (xleave) {
      EXPECT_LT(error, microseconds(20));
    } else {
      EXPECT_GT(error, microseconds(150));
    }
  }
}

TEST(Engine, ALostAnswerEndsInterleavedModeForOneExchange) {
  World world({FakeServer{}});
  world.StartEngine({.iburst = true, .xleave = true});
  world.RunFor(minutes(10));
  world.servers[0].last_answer.reset();  // the server has forgotten us
  while (world.TakeSnapshot().sources[0].interleaved) world.RunFor(seconds(1));
  EXPECT_EQ(world.TakeSnapshot().sources[0].reach, 0xff);
  world.RunFor(minutes(5));
  EXPECT_TRUE(world.TakeSnapshot().sources[0].interleaved);
  ExpectBoundHolds(world);
}

TEST(Engine, GarbageChangesNothing) {
  Engine engine({.sources = {{.name = "a"}}}, 1);
  const Now now{MonoTime(seconds(1)), World::kEpoch};
  engine.Start(now);
  const std::vector<std::byte> garbage(1000, std::byte{0x24});
  for (size_t size = 0; size < garbage.size(); ++size) {
    EXPECT_TRUE(
        engine.OnPacket(now, SourceId{0}, std::span(garbage).first(size), {now.system}).empty());
    EXPECT_TRUE(
        engine.OnPacket(now, SourceId{9}, std::span(garbage).first(size), {now.system}).empty());
  }
}

}  // namespace
}  // namespace fleetsync::ntp
