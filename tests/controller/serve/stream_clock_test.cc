#include "controller/serve/stream_clock.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;

// A host whose clock is `behind` the controller's, over a network with these delays.
class World {
 public:
  Now now() const { return now_; }
  void Pass(Duration d) {
    now_.mono += d;
    now_.system += d;
  }
  void SetControllersClock(Duration by) {
    now_.system += by;
    behind += by;
  }
  // The question that is due now is asked and answered.
  std::optional<ClockEstimate> Exchange(StreamClock& clock) {
    const uint64_t question = clock.Ask(now_);
    Pass(there);
    const SystemTime received = now_.system - behind;
    Pass(held);
    const SystemTime sent = now_.system - behind;
    Pass(back);
    return clock.OnAnswer(now_, {.question = question, .received = received, .sent = sent});
  }
  std::optional<ClockEstimate> Burst(StreamClock& clock) {
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(Exchange(clock));
    return Exchange(clock);
  }

  Duration behind = 3ms;
  Duration there = 200us, back = 200us, held = 50us;

 private:
  Now now_{MonoTime(1000s), SystemTime(1'790'000'000s)};
};

TEST(StreamClock, MeasuresTheOffsetWithinHalfOfTheWayThereAndBack) {
  World world;
  StreamClock clock(world.now().mono, 1);
  const auto estimate = world.Burst(clock);
  ASSERT_TRUE(estimate);
  EXPECT_EQ(estimate->offset, 3ms);
  EXPECT_GE(estimate->error_bound, 200us);
  EXPECT_LT(estimate->error_bound, 205us);
  EXPECT_EQ(estimate->at, world.now().system);
}

TEST(StreamClock, TheTruthIsWithinTheBoundHoweverTheDelayIsSplit) {
  for (const Duration there : {0us, 1us, 400us, 30'000us}) {
    World world;
    world.there = there;
    world.back = 30'000us - there;
    StreamClock clock(world.now().mono, 1);
    const auto estimate = world.Burst(clock);
    EXPECT_LE(Abs(estimate->offset - world.behind), estimate->error_bound);
  }
}

TEST(StreamClock, TheQuickestExchangeCounts) {
  World world;
  StreamClock clock(world.now().mono, 1);
  world.there = 9ms;
  EXPECT_FALSE(world.Exchange(clock));
  world.there = 20us;
  EXPECT_FALSE(world.Exchange(clock));
  world.there = 7ms;
  EXPECT_FALSE(world.Exchange(clock));
  const auto estimate = world.Exchange(clock);
  EXPECT_LT(estimate->error_bound, 130us);
  EXPECT_LE(Abs(estimate->offset - world.behind), estimate->error_bound);
}

TEST(StreamClock, SettingTheControllersClockInBetweenDoesNoHarm) {
  World world;
  StreamClock clock(world.now().mono, 1);
  world.Burst(clock);
  const uint64_t question = clock.Ask(world.now());
  world.SetControllersClock(-24h);
  world.Pass(200us);
  const SystemTime host = world.now().system - world.behind;
  world.Pass(200us);
  const auto estimate =
      clock.OnAnswer(world.now(), {.question = question, .received = host, .sent = host});
  ASSERT_TRUE(estimate);
  EXPECT_EQ(estimate->offset, 3ms - 24h);
  EXPECT_LT(estimate->error_bound, 205us);
}

TEST(StreamClock, AHostWhoseClockWasSetIsBelievedAnew) {
  World world;
  StreamClock clock(world.now().mono, 1);
  world.Burst(clock);
  world.Pass(60s);
  world.behind = 10s;
  world.there = world.back = 5ms;  // a worse one than those before
  const auto estimate = world.Exchange(clock);
  EXPECT_EQ(estimate->offset, 10s);
}

TEST(StreamClock, ABurstAtFirstThenOnceAMinuteAtAnInstantOfItsOwn) {
  World world;
  StreamClock first(world.now().mono, 1), second(world.now().mono, 2);
  EXPECT_EQ(first.due(), world.now().mono);
  world.Exchange(first);
  EXPECT_EQ(first.due(), world.now().mono) << "the next of the burst";
  for (int i = 0; i < 3; ++i) world.Exchange(first);
  const MonoTime burst_end = world.now().mono;
  EXPECT_GT(first.due(), burst_end);
  EXPECT_LE(first.due(), burst_end + 60s);
  world.Burst(second);
  EXPECT_NE(first.due(), second.due());
  world.Pass(first.due() - world.now().mono);
  const MonoTime asked = world.now().mono;
  world.Exchange(first);
  EXPECT_EQ(first.due(), asked + 60s);
}

TEST(StreamClock, AnAgentThatNeverAnswersIsAskedOn) {
  World world;
  StreamClock clock(world.now().mono, 1);
  for (int i = 0; i < 10; ++i) {
    clock.Ask(world.now());
    EXPECT_GE(clock.due(), world.now().mono + 10s);
    world.Pass(clock.due() - world.now().mono);
  }
}

TEST(StreamClock, AnAnswerToNoOpenQuestionIsNothing) {
  World world;
  StreamClock clock(world.now().mono, 1);
  world.Burst(clock);
  const HostStamps stamps{.question = 5, .received = world.now().system, .sent = {}};
  EXPECT_FALSE(clock.OnAnswer(world.now(), stamps));
  const uint64_t question = clock.Ask(world.now());
  const HostStamps good{question, world.now().system, world.now().system};
  EXPECT_TRUE(clock.OnAnswer(world.now(), good));
  EXPECT_FALSE(clock.OnAnswer(world.now(), good)) << "the second time";
}

TEST(StreamClock, StampsThatCannotBeAreNotBelieved) {
  World world;
  StreamClock clock(world.now().mono, 1);
  world.Burst(clock);
  const SystemTime t = world.now().system;
  for (const auto& [received, sent] :
       {std::pair(t, t - 1ns), std::pair(t, t + 1s), std::pair(SystemTime(), SystemTime::max())}) {
    const uint64_t question = clock.Ask(world.now());
    world.Pass(1ms);
    EXPECT_FALSE(clock.OnAnswer(world.now(), {question, received, sent}));
  }
}

}  // namespace
}  // namespace fleetsync::serve
