#include "agent/observe/chrony_dialogue.h"

#include "gmock/gmock.h"
#include "tests/agent/observe/recording.h"

namespace fleetsync::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

DaemonState Told(const std::string& recording) {
  ChronyDialogue dialogue(7);
  EXPECT_EQ(Replay(dialogue, Recording(recording), kChronySequence), Recording(recording).size());
  return dialogue.state();
}

// Recorded on a host whose crystal is 20 ppm fast and whose clock was 2.13 us ahead of the truth,
// with a server that is 5 s ahead; chronyc -c showed the same numbers.
TEST(ChronyDialogue, TellsWhatChronycTells) {
  const DaemonState state = Told("chrony-4.3-unix.hex");
  EXPECT_EQ(state.daemon, "chrony");
  EXPECT_TRUE(state.answered);
  EXPECT_EQ(state.trouble, "");
  EXPECT_EQ(state.stratum, 9);
  EXPECT_EQ(state.leap, Leap::kNone);
  EXPECT_NEAR(static_cast<double>(state.offset.value().count()), -1226, 1);
  EXPECT_NEAR(state.frequency.value().value, -20.013, 0.001);
  EXPECT_NEAR(static_cast<double>(state.error_bound.value().count()), 4620 + 28547 / 2.0, 50);
  EXPECT_GE(*state.error_bound + *state.offset, nanoseconds(-2132)) << "the truth is in the bound";
}

TEST(ChronyDialogue, TellsEverySourceWithItsNameStateAndReach) {
  const DaemonState state = Told("chrony-4.3-unix.hex");
  ASSERT_EQ(state.sources.size(), 4U);
  EXPECT_EQ(state.sources[0].state, SourceState::kSelected);
  EXPECT_EQ(state.sources[1].state, SourceState::kFalseticker);
  EXPECT_EQ(state.sources[2].state, SourceState::kOutlier);
  EXPECT_EQ(state.sources[3].state, SourceState::kUnreachable);
  EXPECT_EQ(state.sources[0].address, "198.18.1.1");
  EXPECT_EQ(state.sources[3].name, "dead.example");
  EXPECT_EQ(state.sources[3].address, "198.18.1.77");
  EXPECT_EQ(state.sources[0].reach, 0377);
  EXPECT_EQ(state.sources[2].reach, 0366);
  EXPECT_EQ(state.sources[0].stratum, 8);
  EXPECT_EQ(state.sources[0].poll, 4);
}

TEST(ChronyDialogue, ASourceThatIsAheadHasAPositiveOffset) {
  const DaemonState state = Told("chrony-4.3-unix.hex");
  const Duration ahead = state.sources[1].offset.value();
  EXPECT_LT(Abs(ahead - milliseconds(5000)), microseconds(20));
  EXPECT_EQ(state.sources[1].last, seconds(1));
  EXPECT_EQ(state.sources[3].offset, std::nullopt) << "it was never measured";
  EXPECT_EQ(state.sources[3].last, std::nullopt);
}

TEST(ChronyDialogue, OverTheUnixSocketItTellsDelaysToo) {
  const DaemonState state = Told("chrony-4.3-unix.hex");
  EXPECT_LT(Abs(state.sources[0].delay.value() - nanoseconds(34'671)), nanoseconds(2));
  EXPECT_EQ(state.sources[0].reference_id, "127.127.1.1");
  EXPECT_EQ(state.sources[2].delay, std::nullopt) << "its last packet was a kiss";
}

TEST(ChronyDialogue, OverTheNetworkItAsksForDelaysOnceAndDoesWithout) {
  const DaemonState state = Told("chrony-4.3-udp.hex");
  ASSERT_EQ(state.sources.size(), 4U);
  EXPECT_EQ(state.sources[0].delay, std::nullopt);
  EXPECT_TRUE(state.sources[0].jitter.has_value());
  EXPECT_EQ(state.trouble, "");
}

TEST(ChronyDialogue, AnAnswerToAnotherRequestIsNone) {
  ChronyDialogue dialogue(7);
  const Datagram request(dialogue.Request().begin(), dialogue.Request().end());
  EXPECT_FALSE(dialogue.OnDatagram({}, Recording("chrony-4.3-udp.hex")[0])) << "another number";
  EXPECT_FALSE(dialogue.OnDatagram(
      {}, Answering(request, Recording("chrony-4.3-udp.hex")[1], kChronySequence)));
  EXPECT_FALSE(dialogue.OnDatagram({}, {}));
  EXPECT_FALSE(dialogue.state().answered);
  EXPECT_TRUE(std::equal(request.begin(), request.end(), dialogue.Request().begin()));
}

TEST(ChronyDialogue, ARefusalEndsTheRoundAndIsTold) {
  ChronyDialogue dialogue(7);
  Datagram refusal = Recording("chrony-4.3-udp.hex")[0];
  refusal[9] = std::byte{2};  // unauthorised
  EXPECT_TRUE(dialogue.OnDatagram({}, Answering(dialogue.Request(), refusal, kChronySequence)));
  EXPECT_TRUE(dialogue.Request().empty());
  EXPECT_FALSE(dialogue.state().answered);
  EXPECT_EQ(dialogue.state().trouble, "its answer to command 33 cannot be used (status 2)");
}

TEST(ChronyDialogue, AnUnsynchronisedDaemonClaimsNothing) {
  ChronyDialogue dialogue(7);
  std::vector<Datagram> recording = Recording("chrony-4.3-udp.hex");
  recording[0][28 + 27] = std::byte{3};  // leap
  Replay(dialogue, recording, kChronySequence);
  EXPECT_TRUE(dialogue.state().answered);
  EXPECT_FALSE(dialogue.state().synchronised());
  EXPECT_EQ(dialogue.state().offset, std::nullopt);
  EXPECT_EQ(dialogue.state().error_bound, std::nullopt);
}

TEST(ChronyDialogue, AListThatDoesNotEndIsNotAskedForFurther) {
  ChronyDialogue dialogue(7);
  const std::vector<Datagram> recording = Recording("chrony-4.3-udp.hex");
  const auto play = [&](Datagram answer) {
    return dialogue.OnDatagram({},
                               Answering(dialogue.Request(), std::move(answer), kChronySequence));
  };
  ASSERT_TRUE(play(recording[0]));
  Datagram many = recording[1];
  many[28] = many[29] = many[30] = many[31] = std::byte{0xff};
  ASSERT_TRUE(play(many));
  // In the recording: data, statistics, name, and a refusal of the rest for the first source.
  for (size_t i = 0; !dialogue.Request().empty() && i < 10'000; ++i) {
    for (size_t answer = 2; answer < 6; ++answer) play(recording[answer]);
  }
  EXPECT_TRUE(dialogue.Request().empty());
  EXPECT_EQ(dialogue.state().sources.size(), kMostSources);
}

}  // namespace
}  // namespace fleetsync::observe
