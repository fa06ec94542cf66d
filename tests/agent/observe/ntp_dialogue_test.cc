#include "agent/observe/ntp_dialogue.h"

#include "gmock/gmock.h"
#include "tests/agent/observe/recording.h"

namespace fleetsync::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// When both were recorded; the host's clocks were right to 20 us.
const Now kRecorded{.mono = {}, .system = SystemTime(seconds(1'795'260'135))};

DaemonState Told(const std::string& recording) {
  NtpDialogue dialogue(0xfffe);  // its numbers wrap round
  Replay(dialogue, Recording(recording), kNtpSequence, kRecorded);
  return dialogue.state();
}

TEST(NtpDialogue, TheClassicDaemonTellsItsStateAndSources) {
  const DaemonState state = Told("ntp-4.2.8p15.hex");
  EXPECT_TRUE(state.answered);
  EXPECT_EQ(state.daemon, "ntp");
  EXPECT_EQ(state.version, "4.2.8p15");
  EXPECT_EQ(state.stratum, 9);
  EXPECT_EQ(state.leap, Leap::kNone);
  ASSERT_EQ(state.sources.size(), 4U);
  EXPECT_EQ(state.sources[0].name, "198.18.1.1");
  EXPECT_EQ(state.sources[0].state, SourceState::kSelected);
  EXPECT_EQ(state.sources[0].stratum, 8);
  EXPECT_EQ(state.sources[0].reach, 0377);
  EXPECT_EQ(state.sources[0].poll, 3);
  EXPECT_EQ(state.sources[0].reference_id, "127.127.1.1");
  EXPECT_EQ(state.sources[1].state, SourceState::kFalseticker);
  EXPECT_LT(Abs(state.sources[1].offset.value() - milliseconds(5000)), microseconds(20))
      << "it is 5 s ahead";
  EXPECT_EQ(state.sources[2].state, SourceState::kCandidate);
}

TEST(NtpDialogue, NtpsecTellsTheSame) {
  const DaemonState state = Told("ntpsec-1.2.2.hex");
  EXPECT_EQ(state.daemon, "ntpsec");
  EXPECT_EQ(state.version, "1.2.2");
  EXPECT_EQ(state.stratum, 9);
  ASSERT_EQ(state.sources.size(), 4U);
  EXPECT_EQ(state.sources[0].state, SourceState::kSelected);
  EXPECT_EQ(state.sources[1].state, SourceState::kFalseticker);
  EXPECT_EQ(state.sources[2].state, SourceState::kOutlier);
  EXPECT_EQ(state.sources[3].name, "dead.example") << "as it was configured";
}

TEST(NtpDialogue, TheClockIsTheSelectedSourcesOffsetWithinItsRootDistance) {
  for (const char* name : {"ntp-4.2.8p15.hex", "ntpsec-1.2.2.hex"}) {
    const DaemonState state = Told(name);
    ASSERT_NE(state.Selected(), nullptr);
    EXPECT_EQ(state.offset, state.Selected()->offset) << name;
    EXPECT_EQ(state.error_bound, *state.root_dispersion + *state.root_delay / 2) << name;
    EXPECT_LT(Abs(*state.offset) + microseconds(20), *state.error_bound) << "the truth is in it";
  }
}

TEST(NtpDialogue, TheAgeOfASampleIsReckonedFromItsArrival) {
  const DaemonState state = Told("ntp-4.2.8p15.hex");
  ASSERT_TRUE(state.sources[0].last.has_value());
  EXPECT_GE(*state.sources[0].last, seconds(0));
  EXPECT_LE(*state.sources[0].last, seconds(16));
}

TEST(NtpDialogue, OfASourceThatDoesNotAnswerNothingIsTold) {
  for (const char* name : {"ntp-4.2.8p15.hex", "ntpsec-1.2.2.hex"}) {
    const DaemonState state = Told(name);
    EXPECT_EQ(state.sources[3].address, "198.18.1.77") << name;
    EXPECT_EQ(state.sources[3].state, SourceState::kUnreachable) << name;
    EXPECT_EQ(state.sources[3].reach, 0) << name;
    EXPECT_EQ(state.sources[3].offset, std::nullopt) << name;
  }
}

// The last datagrams of the recordings answer a request for all variables.
TEST(NtpDialogue, ADaemonThatDoesNotKnowANameIsAskedForEverything) {
  for (const char* name : {"ntp-4.2.8p15.hex", "ntpsec-1.2.2.hex"}) {
    const std::vector<Datagram> recording = Recording(name);
    NtpDialogue dialogue(1);
    const auto play = [&](const Datagram& answer) {
      return dialogue.OnDatagram(kRecorded, Answering(dialogue.Request(), answer, kNtpSequence));
    };
    const Datagram unknown = FromHex("16c200000500000000000000");
    ASSERT_TRUE(play(unknown));
    EXPECT_EQ(dialogue.Request().size(), 12U) << "no names";
    ASSERT_TRUE(play(recording[6])) << "the whole of the system's";
    EXPECT_EQ(dialogue.state().stratum, 9);
    ASSERT_TRUE(play(recording[1]));
    for (size_t peer = 2; peer < 5; ++peer) ASSERT_TRUE(play(recording[peer])) << peer;
    EXPECT_FALSE(play(recording[8])) << "the second fragment came first";
    EXPECT_TRUE(play(recording[7]));
    ASSERT_EQ(dialogue.state().sources.size(), 4U);
    EXPECT_EQ(dialogue.state().sources[3].address, "198.18.1.77");
    EXPECT_EQ(dialogue.state().sources[3].poll, 6);
  }
}

TEST(NtpDialogue, ARefusalIsTold) {
  NtpDialogue dialogue(1);
  EXPECT_TRUE(dialogue.OnDatagram(
      kRecorded, Answering(dialogue.Request(), FromHex("16c200000100000000000000"), kNtpSequence)));
  EXPECT_TRUE(dialogue.Request().empty());
  EXPECT_FALSE(dialogue.state().answered);
  EXPECT_EQ(dialogue.state().trouble, "it refuses to tell (error 1)");
}

}  // namespace
}  // namespace fleetsync::observe
