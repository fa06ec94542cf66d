#include "agent/observe/asker.h"

#include "agent/observe/ntp_dialogue.h"
#include "gtest/gtest.h"
#include "tests/agent/observe/recording.h"

namespace fleetsync::observe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

MonoTime At(Duration d) { return MonoTime(seconds(1000) + d); }

TEST(Asker, ARequestWithoutAnAnswerIsSentThriceAndGivenUpAfterHalfASecond) {
  Asker asker(std::make_unique<NtpDialogue>(1));
  int sent = 0;
  MonoTime now = At({});
  for (; !asker.over() && now < At(seconds(5)); now = asker.over() ? now : asker.NextTimer())
    sent += asker.TakeRequest(now).empty() ? 0 : 1;
  EXPECT_EQ(sent, 3);
  EXPECT_LE(now, At(milliseconds(510)));
  EXPECT_GE(now, At(milliseconds(300)));
  EXPECT_FALSE(asker.state().answered);
  EXPECT_EQ(asker.state().trouble, "no answer");
  EXPECT_EQ(asker.NextTimer(), MonoTime::max());
}

TEST(Asker, BetweenTwoAttemptsNothingIsSent) {
  Asker asker(std::make_unique<NtpDialogue>(1));
  EXPECT_FALSE(asker.TakeRequest(At({})).empty());
  EXPECT_TRUE(asker.TakeRequest(At(milliseconds(1))).empty());
}

TEST(Asker, AnAnswerBringsTheNextQuestionAtOnce) {
  Asker asker(std::make_unique<NtpDialogue>(1));
  const auto first = asker.TakeRequest(At({}));
  const Datagram answer = Answering(first, Recording("ntp-4.2.8p15.hex")[0], kNtpSequence);
  const Now now{.mono = At(milliseconds(1)), .system = {}};
  asker.OnDatagram(now, answer);
  EXPECT_FALSE(asker.TakeRequest(now.mono).empty());
  EXPECT_TRUE(asker.state().answered);
}

TEST(Asker, ARefusalOfTheNetworkEndsItAtOnce) {
  Asker asker(std::make_unique<NtpDialogue>(1));
  EXPECT_FALSE(asker.TakeRequest(At({})).empty());
  asker.OnError("asking the daemon: Connection refused");
  EXPECT_TRUE(asker.over());
  EXPECT_EQ(asker.state().trouble, "asking the daemon: Connection refused");
}

}  // namespace
}  // namespace fleetsync::observe
