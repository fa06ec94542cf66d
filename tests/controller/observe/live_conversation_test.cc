#include "controller/observe/live_conversation.h"

#include "controller/observe/live_json.h"
#include "gmock/gmock.h"
#include "tests/controller/observe/fixture.h"

namespace fleetsync::observe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

using Next = ssh::Conversation::Next;

std::string ChronyAnswers() {
  return "\nfleetsync-observe 1 begin\n@daemon chrony\n@ask chrony-tracking\n" +
         Fixture("chrony-4.3-tracking.csv") + "\n@end 0\n@ask chrony-sources\n" +
         Fixture("chrony-4.3-sources.csv") + "\n@end 0\nfleetsync-observe 1 end\n";
}

const ssh::Command* CommandOf(const Next& next) {
  const auto* run = std::get_if<ssh::Conversation::RunCommand>(&next);
  return run == nullptr ? nullptr : &run->command;
}

TEST(LiveConversation, ItMeasuresFirstAndThenAsksOnTheSameConnection) {
  LiveConversation conversation(milliseconds(1), seconds(60));
  const Next first = conversation.OnReady({});
  ASSERT_NE(CommandOf(first), nullptr);
  EXPECT_TRUE(CommandOf(first)->keep_input_open);
  EXPECT_FALSE(CommandOf(first)->become) << "anyone may read the clock";
  const Next second = conversation.OnExit({}, {.code = 0, .signal = ""});
  ASSERT_NE(CommandOf(second), nullptr);
  EXPECT_EQ(CommandOf(second)->standard_input, ObserveScript());
  EXPECT_TRUE(CommandOf(second)->become) << "daemons' sockets are root's";
}

TEST(LiveConversation, AHostWhoseClockCannotBeReadIsAskedAllTheSame) {
  LiveConversation conversation(milliseconds(1), seconds(60));
  conversation.OnReady({});
  conversation.OnOutput({}, "sh: date: not found\n", true);
  conversation.OnExit({}, {.code = 127, .signal = ""});
  conversation.OnOutput({}, ChronyAnswers(), false);
  const Next last = conversation.OnExit({}, {.code = 0, .signal = ""});
  EXPECT_TRUE(std::holds_alternative<ssh::Conversation::Done>(last));
  EXPECT_FALSE(conversation.result().ours_from_host.ok());
  ASSERT_TRUE(conversation.result().observation.ok());
  EXPECT_EQ(conversation.result().observation->state.daemon, "chrony");
}

TEST(LiveConversation, AnAnswerThatIsNoneSaysWhatTheHostSaid) {
  LiveConversation conversation(milliseconds(1), seconds(60));
  conversation.OnReady({});
  conversation.OnExit({}, {.code = 0, .signal = ""});
  conversation.OnOutput({}, "one\nsh: fork: Resource temporarily unavailable\n", true);
  conversation.OnExit({}, {.code = 2, .signal = ""});
  EXPECT_THAT(Message(conversation.result().observation.status()),
              HasSubstr(": sh: fork: Resource temporarily unavailable"));
}

TEST(LiveConversation, ABrokenConnectionIsTheResultOfWhatWasGoingOn) {
  LiveConversation conversation(milliseconds(1), seconds(60));
  conversation.OnReady({});
  conversation.OnExit({}, {.code = 0, .signal = ""});
  conversation.OnFailed({.stage = ssh::Stage::kCommand,
                         .fault = ssh::Fault::kDisconnected,
                         .detail = "the host closed the connection",
                         .next_step = ""});
  EXPECT_EQ(Message(conversation.result().observation.status()),
            "command: the host closed the connection");
}

TEST(LiveJson, WhatADaemonDoesNotTellIsNull) {
  const auto observation = ParseObservation(ChronyAnswers());
  ASSERT_TRUE(observation.ok());
  const nlohmann::ordered_json json = ToJson(*observation);
  EXPECT_EQ(json["name"], "chrony");
  EXPECT_EQ(json["offset_ns"], 16'186'476);
  EXPECT_EQ(json["frequency_ppb"], -9977);
  EXPECT_EQ(json["sources"][0]["tally"], "+");
  EXPECT_EQ(json["sources"][0]["delay_ns"], nullptr);
  EXPECT_EQ(json["sources"][5]["offset_ns"], nullptr);
}

}  // namespace
}  // namespace fleetsync::observe
