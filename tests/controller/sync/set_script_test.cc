#include "controller/sync/set_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetsync::sync {
namespace {

using facts::Daemon;
using facts::Facts;
using testing::ElementsAre;

Facts NtpHost() {
  Facts facts;
  facts.init = facts::Init::kSysv;
  facts.has_rtc = true;
  facts.tools = {"hwclock"};
  facts::DaemonFact& ntp = facts.daemons.emplace_back();
  ntp.daemon = Daemon::kNtpClassic;
  ntp.service = "ntp";
  ntp.pid = 17;
  ntp.running = true;
  return facts;
}

TEST(RenderSetScript, SaysAllThatTheHostNeedsToKnow) {
  const auto script = RenderSetScript({.tool = Tool::kNtpdate,
                                       .servers = {"198.18.1.1", "ntp2.example", "2001:db8::1"},
                                       .offset = std::chrono::milliseconds(-1500)},
                                      NtpHost());
  ASSERT_TRUE(script.ok()) << script.status();
  EXPECT_EQ(script->substr(0, script->size() - SetClockScript().size()),
            "tool=ntpdate\n"
            "init=sysv\n"
            "servers='198.18.1.1 ntp2.example 2001:db8::1'\n"
            "services=ntp\n"
            "pids=17\n"
            "offset_ns=-1500000000\n"
            "latency_us=1500\n"
            "rtc=1\n");
}

TEST(RenderSetScript, LeavesADaemonAloneThatNoServiceCouldStartAgain) {
  Facts facts = NtpHost();
  facts.daemons[0].service = "";
  facts.has_rtc = false;
  const auto script = RenderSetScript({.servers = {"a"}}, facts);
  EXPECT_THAT(*script, testing::HasSubstr("services=''\npids=''\n"));
  EXPECT_THAT(*script, testing::HasSubstr("rtc=0\n"));
}

TEST(RenderSetScript, NothingHostileReachesTheShell) {
  for (const char* server :
       {"", "-oProxyCommand=x", "a b", "$(reboot)", "a;b", "a\nb", "`x`", "a'b", "*", "a|b"}) {
    EXPECT_FALSE(RenderSetScript({.servers = {server}}, NtpHost()).ok()) << server;
  }
  Facts facts = NtpHost();
  facts.daemons[0].service = "ntp; reboot";
  EXPECT_THAT(*RenderSetScript({.servers = {"a"}}, facts), testing::HasSubstr("services=''\n"));
}

// A connection that is lost while the script is sent must not run half of it.
TEST(SetClockScript, RunsNothingBeforeItsLastLine) {
  EXPECT_TRUE(SetClockScript().ends_with("\nfleetsync_set_clock </dev/null\n"));
}

TEST(ParseSetResult, ReadsWhatTheScriptTells) {
  const auto result = ParseSetResult(
      "banner\nfleetsync-set 1 begin\nservice.stopped=ntp\ntry=1\n"
      "output=20 Nov ntpdate[77]: step time server\\n198.18.1.1\ntool=ntpdate\nexit=0\n"
      "rtc=written\nservice.started=ntp\nfleetsync-set 1 end\n");
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->ok());
  EXPECT_EQ(result->tool, "ntpdate");
  EXPECT_EQ(result->output, "20 Nov ntpdate[77]: step time server\n198.18.1.1");
  EXPECT_TRUE(result->rtc_written);
  EXPECT_THAT(result->stopped, ElementsAre("ntp"));
  EXPECT_THAT(result->started, ElementsAre("ntp"));
}

TEST(ParseSetResult, WithoutAnExitItHasNotSetTheClock) {
  const auto result = ParseSetResult("fleetsync-set 1 begin\nbusy=1\nfleetsync-set 1 end\n");
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->busy);
  EXPECT_FALSE(result->ok());
}

TEST(ParseSetResult, SaysWhenTheAnswerIsCutOff) {
  EXPECT_EQ(ParseSetResult("fleetsync-set 1 begin\nexit=0\n").status(),
            absl::DataLossError("setting the clock: the answer is cut off after 29 bytes"));
}

struct Saying {
  const char* output;
  int exit;
  bool no_server;
};
class NoServer : public testing::TestWithParam<Saying> {};
TEST_P(NoServer, IsToldFromOtherFailures) {
  SetResult result;
  result.exit = GetParam().exit;
  result.output = GetParam().output;
  EXPECT_EQ(result.NoServer(), GetParam().no_server);
}
INSTANTIATE_TEST_SUITE_P(
    Recorded, NoServer,
    testing::Values(
        Saying{"20 Nov 22:26:14 ntpdate[115]: no server suitable for synchronization found", 1,
               true},
        Saying{"ntpdig: no eligible servers", 1, true},
        Saying{"2026-11-20T22:25:48Z Timeout reached\n2026-11-20T22:25:48Z chronyd exiting", 1,
               true},
        Saying{"Exiting, name server cannot be used: Temporary failure in name resolution (-3)", 1,
               true},
        Saying{"", 124, true},
        Saying{"20 Nov ntpdate[77]: the NTP socket is in use, exiting", 1, false},
        Saying{"Fatal error : Another chronyd may already be running (pid=15)", 1, false},
        Saying{"no server suitable", 0, false}));

}  // namespace
}  // namespace fleetsync::sync
