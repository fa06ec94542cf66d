#include "controller/doctor/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/text.h"
#include "fmt/format.h"
#include "tests/controller/run_by.h"

namespace fleetsync::doctor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

StatusOr<HostAnswers> Parse(std::string_view body) {
  return ParseAnswers(
      fmt::format("banner\nfleetsync-doctor 1 begin\n{}fleetsync-doctor 1 end\n", body));
}

TEST(ParseAnswers, NamesThatDoNotResolve) {
  const auto answers = Parse(
      "unresolved=2 ntp1\nunresolved=124 ntp2\nunresolved=143 ntp3\nunresolved=1 ntp4\n"
      "unresolved=127 ntp5\nunresolved=\n");
  ASSERT_TRUE(answers.ok());
  ASSERT_THAT(answers->unresolved, SizeIs(3));
  EXPECT_EQ(answers->unresolved[0].name, "ntp1");
  EXPECT_FALSE(answers->unresolved[0].no_answer);
  EXPECT_TRUE(answers->unresolved[1].no_answer);
  EXPECT_TRUE(answers->unresolved[2].no_answer);
}

// chronyc 4.3, of servers that are synchronised, are not, and are silent.
TEST(ParseAnswers, WhatChronydHeard) {
  const auto answers = Parse(
      "ntpdata=\n"
      "ntpdata=Remote address  : 198.18.1.1 (C6120101)\n"
      "ntpdata=Leap status     : Normal\n"
      "ntpdata=Total RX        : 5\n"
      "ntpdata=Total valid RX  : 5\n"
      "ntpdata=Remote address  : 198.18.1.2 (C6120102)\n"
      "ntpdata=Leap status     : Not synchronised\n"
      "ntpdata=Stratum         : 0\n"
      "ntpdata=Total RX        : 8\n"
      "ntpdata=Remote address  : 198.18.9.9 (C6120909)\n"
      "ntpdata=Leap status     : Normal\n"
      "ntpdata=Total RX        : 0\n");
  ASSERT_TRUE(answers.ok());
  ASSERT_THAT(answers->heard, SizeIs(3));
  EXPECT_TRUE(answers->heard[0].anything && answers->heard[0].synchronised);
  EXPECT_EQ(answers->heard[1].address, "198.18.1.2");
  EXPECT_TRUE(answers->heard[1].anything);
  EXPECT_FALSE(answers->heard[1].synchronised);
  EXPECT_FALSE(answers->heard[2].anything);
}

// ntp 4.2.8p15, the same three.
TEST(ParseAnswers, WhatNtpdHeard) {
  const auto answers = Parse(
      "peer=srcadr=198.18.1.1, flash=00 ok\n"
      "peer=srcadr=198.18.1.2,\n"
      "peer=flash=1620 pkt_stratum, peer_stratum, peer_dist, peer_unreach\n"
      "peer=srcadr=198.18.9.9,\n"
      "peer=flash=1600 peer_stratum, peer_dist, peer_unreach\n");
  ASSERT_TRUE(answers.ok());
  ASSERT_THAT(answers->heard, SizeIs(3));
  EXPECT_TRUE(answers->heard[0].synchronised);
  EXPECT_FALSE(answers->heard[1].synchronised);
  EXPECT_TRUE(answers->heard[1].anything);
  EXPECT_TRUE(answers->heard[2].synchronised);
}

TEST(ParseAnswers, LinesWithTheirPlaces) {
  const auto answers = Parse(
      "services=/etc/services:12:ntp\t\t123/tcp\ntz=/etc/environment:1:TZ=UTC:x\n"
      "expect=/etc/cron.daily/a:3:\nnft=table inet t {\nnft=}\nloop=cut off\n");
  ASSERT_TRUE(answers.ok());
  EXPECT_EQ(answers->services[0].where, "/etc/services:12");
  EXPECT_EQ(answers->services[0].text, "ntp\t\t123/tcp");
  EXPECT_EQ(answers->tz[0].text, "TZ=UTC:x");
  EXPECT_THAT(answers->expect_sends, ElementsAre("/etc/cron.daily/a:3"));
  EXPECT_THAT(answers->nft, ElementsAre("table inet t {", "}"));
  EXPECT_EQ(answers->loops[0].text, "");
}

TEST(ParseAnswers, AnAnswerThatIsCutOff) {
  EXPECT_FALSE(ParseAnswers("fleetsync-doctor 1 begin\nunresolved=2 ntp1\n").ok());
  EXPECT_FALSE(ParseAnswers("").ok());
}

class Ask : public testing::Test {
 protected:
  Ask() {
    facts::DaemonFact& daemon = facts.daemons.emplace_back();
    daemon.config_path = "/etc/chrony/chrony.conf";
    daemon.running = true;
    daemon.pid = 15;
  }
  std::string Input(const std::string& config) {
    facts.files["/etc/chrony/chrony.conf"].content = config;
    return AskCommand(facts, std::chrono::seconds(9)).standard_input;
  }
  facts::Facts facts;
};

TEST_F(Ask, NamesOnceAndNoAddresses) {
  const std::string input = Input(
      "server b.example iburst\npool a.example\nserver b.example\nserver 10.1.2.3\n"
      "server ::1\npeer -4 c.example\n");
  EXPECT_THAT(input, HasSubstr("names='a.example b.example c.example'\n"));
  EXPECT_THAT(input, HasSubstr("daemon=chrony\npid=15\n"));
}

TEST_F(Ask, NamesThatNoShellMaySee) {
  const std::string input = Input("server $(reboot)\nserver -x\nserver a;b\nserver *\nserver ok\n");
  EXPECT_THAT(input, HasSubstr("names=ok\n"));
}

class QuestionsTest : public testing::TestWithParam<const char*> {};

TEST_P(QuestionsTest, ItsOutputIsWhatTheParserReads) {
  const std::string output = RunBy(
      GetParam(), fmt::format("names=\ndaemon=\npid={}\nfilter=\n{}", getpid(), QuestionsScript()));
  const auto answers = ParseAnswers(output);
  ASSERT_TRUE(answers.ok()) << output;
  EXPECT_THAT(answers->arguments, HasSubstr("doctor_test"));
}

TEST_P(QuestionsTest, AScriptThatIsCutOffDoesNothing) {
  const std::string_view script = QuestionsScript();
  EXPECT_THAT(RunBy(GetParam(), script.substr(0, script.size() - 30)),
              Not(HasSubstr("fleetsync-doctor 1")));
}

INSTANTIATE_TEST_SUITE_P(Shells, QuestionsTest, testing::Values("dash", "busybox sh"),
                         [](const auto& shell) {
                           return std::string(shell.param) == "dash" ? "dash" : "busybox";
                         });

}  // namespace
}  // namespace fleetsync::doctor
