#include "controller/sync/sync_conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "fmt/format.h"
#include "tests/controller/sync/times.h"

namespace fleetsync::sync {
namespace {

using ssh::Conversation;
using testing::ElementsAre;
using testing::HasSubstr;

// A host with a clock, a time daemon and a tool that does what the test says; plays the other side
// of the conversation by hand, without any network.
class FakeHost {
 public:
  explicit FakeHost(std::string probe) : probe_(std::move(probe)) {}

  Duration behind{};        // of our clock
  Duration behind_after{};  // once its tool has run
  std::string set_lines = "tool=ntpdate\nexit=0\nservice.stopped=ntp\nservice.started=ntp\n";
  std::vector<std::string> ran;  // "probe", "clock", "set TOOL"
  bool drop_while_setting = false;

  HostResult Run(SyncConversation& conversation) {
    Conversation::Next next = conversation.OnReady(At(at_));
    while (auto* run = std::get_if<Conversation::RunCommand>(&next)) {
      const ssh::Command command = run->command;
      if (command.keep_input_open) {
        ran.push_back("clock");
        next = AnswerClock(conversation);
      } else if (command.standard_input.find("fleetsync_probe") != std::string::npos) {
        ran.push_back("probe");
        conversation.OnOutput(At(at_), probe_, false);
        next = conversation.OnExit(At(at_), {});
      } else {
        ran.push_back("set " + ToolOf(command.standard_input));
        script = command.standard_input;
        EXPECT_TRUE(command.become);
        if (drop_while_setting) {
          conversation.OnFailed({.stage = ssh::Stage::kCommand,
                                 .fault = ssh::Fault::kDisconnected,
                                 .detail = "the connection was lost",
                                 .next_step = ""});
          return conversation.result();
        }
        at_ += 3s;
        behind = behind_after;
        conversation.OnOutput(
            At(at_), "fleetsync-set 1 begin\n" + set_lines + "fleetsync-set 1 end\n", false);
        next = conversation.OnExit(At(at_), {});
      }
    }
    EXPECT_TRUE(std::holds_alternative<Conversation::Done>(next));
    return conversation.result();
  }

  std::string script;

 private:
  static std::string ToolOf(const std::string& script) {
    return script.substr(5, script.find('\n') - 5);
  }

  Conversation::Next AnswerClock(SyncConversation& conversation) {
    Conversation::Next next = conversation.OnOutput(At(at_), "fleetsync-clock shell\n", false);
    while (auto* send = std::get_if<Conversation::Send>(&next)) {
      if (send->end) return conversation.OnExit(At(at_), {});
      at_ += 200us;
      const auto read = (At(at_ - 100us).system - behind).time_since_epoch();
      const auto seconds = std::chrono::floor<std::chrono::seconds>(read);
      const auto micro = std::chrono::duration_cast<std::chrono::microseconds>(read - seconds);
      next = conversation.OnOutput(
          At(at_),
          fmt::format("{} {}.{:06}\n", std::stoi(send->bytes), seconds.count(), micro.count()),
          false);
    }
    return next;
  }

  std::string probe_;
  Duration at_{};
};

std::string Recorded(const std::string& name) {
  return *ReadFile("tests/controller/facts/testdata/" + name + ".txt", 1 << 20);
}

SyncRequest Request() {
  SyncRequest request;
  request.host = "web1";
  request.servers = {"198.18.1.1"};
  return request;
}

const Reference kRight{.name = "relay1", .ahead = {}, .as_of = At(0s), .drifts = false};

TEST(SyncConversation, SetsAClockAndMeasuresItBeforeAndAfter) {
  FakeHost host(Recorded("ntp"));
  host.behind = 37s;
  host.behind_after = 20us;
  SyncConversation conversation(Request(), kRight);
  const HostResult result = host.Run(conversation);
  EXPECT_EQ(result.outcome, Outcome::kSet);
  EXPECT_EQ(result.tool, "ntpdate");
  EXPECT_THAT(host.ran, ElementsAre("clock", "probe", "set ntpdate", "clock"));
  EXPECT_LE(Abs(result.before->offset - 37s), result.before->bound);
  EXPECT_LE(Abs(result.after->offset - 20us), result.after->bound);
  EXPECT_FALSE(result.OutOfTolerance());
  EXPECT_EQ(result.detail, "");
}

TEST(SyncConversation, TouchesNothingInTolerance) {
  FakeHost host(Recorded("ntp"));
  host.behind = 2ms;
  SyncConversation conversation(Request(), kRight);
  const HostResult result = host.Run(conversation);
  EXPECT_EQ(result.outcome, Outcome::kLeft);
  EXPECT_THAT(host.ran, ElementsAre("clock"));
}

TEST(SyncConversation, RefusesABackwardStepBeforeTouchingAnything) {
  FakeHost host(Recorded("ntp"));
  host.behind = -2s;
  SyncConversation conversation(Request(), kRight);
  const HostResult result = host.Run(conversation);
  EXPECT_EQ(result.outcome, Outcome::kRefused);
  EXPECT_EQ(result.detail, "would step backward by 2.00 s; if that is right: --allow-backward");
  EXPECT_THAT(host.ran, ElementsAre("clock"));
  EXPECT_TRUE(result.OutOfTolerance());
}

TEST(SyncConversation, ADryRunSaysWhatItWouldUse) {
  FakeHost host(Recorded("chrony"));
  host.behind = 37s;
  SyncRequest request = Request();
  request.dry_run = true;
  SyncConversation conversation(request, kRight);
  const HostResult result = host.Run(conversation);
  EXPECT_EQ(result.outcome, Outcome::kWouldSet);
  EXPECT_EQ(result.tool, "chronyc makestep");
  EXPECT_THAT(host.ran, ElementsAre("clock", "probe"));
}

TEST(SyncConversation, DoesNotBelieveAToolThatSaysItHasSetTheClock) {
  FakeHost host(Recorded("ntp"));
  host.behind = 37s;
  host.behind_after = 36s;
  SyncConversation conversation(Request(), kRight);
  const HostResult result = host.Run(conversation);
  EXPECT_THAT(host.ran, ElementsAre("clock", "probe", "set ntpdate", "clock", "set date", "clock",
                                    "set date", "clock"));
  EXPECT_EQ(result.outcome, Outcome::kSet);
  EXPECT_TRUE(result.OutOfTolerance());
  EXPECT_EQ(result.detail, "still off by +36.0 s after date over SSH");
}

TEST(SyncConversation, DoesNotStepBackwardUnaskedToCorrectATool) {
  FakeHost host(Recorded("ntp"));
  host.behind = 37s;
  host.behind_after = -1s;
  SyncConversation conversation(Request(), kRight);
  host.Run(conversation);
  EXPECT_THAT(host.ran, ElementsAre("clock", "probe", "set ntpdate", "clock"));
}

TEST(SyncConversation, ABrokenToolGivesWayToTheNext) {
  FakeHost host(Recorded("chrony"));
  host.behind = 37s;
  host.behind_after = 37s;
  host.set_lines = "tool=chronyc\noutput=506 Cannot talk to daemon\nexit=1\n";
  SyncConversation conversation(Request(), kRight);
  const HostResult result = host.Run(conversation);
  EXPECT_THAT(host.ran, ElementsAre("clock", "probe", "set chronyc", "set chronyd", "set date"));
  EXPECT_EQ(result.outcome, Outcome::kFailed);
}

TEST(SyncConversation, AServerThatIsNotHeardIsNoReasonToAskOtherwise) {
  FakeHost host(Recorded("ntp"));
  host.behind = 37s;
  host.behind_after = 37s;
  host.set_lines =
      "output=ntpdate[115]: no server suitable for synchronization found\ntool=ntpdate\nexit=1\n"
      "unresolved=ntp1\nservice.started=ntp\n";
  SyncConversation conversation(Request(), kRight);
  const HostResult result = host.Run(conversation);
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_TRUE(result.no_server);
  EXPECT_THAT(result.unresolved, ElementsAre("ntp1"));
  EXPECT_THAT(host.ran, ElementsAre("clock", "probe", "set ntpdate"));
}

TEST(SyncConversation, OverSshSendsTheMeasuredCorrection) {
  FakeHost host(Recorded("ntp"));
  host.behind = 37s;
  SyncRequest request = Request();
  request.over_ssh = true;
  SyncConversation conversation(request, kRight);
  const HostResult result = host.Run(conversation);
  EXPECT_EQ(result.tool, "date over SSH");
  EXPECT_THAT(host.script, HasSubstr(fmt::format("offset_ns={}\n", result.before->offset.count())));
}

TEST(SyncConversation, WarnsOfWhatWentWrongBeside) {
  FakeHost host(Recorded("ntp"));
  host.behind = 37s;
  host.set_lines =
      "tool=ntpdate\nexit=0\nrtc.failed=hwclock: Cannot access the Hardware Clock\n"
      "service.start_failed=ntp: failed!\n";
  SyncConversation conversation(Request(), kRight);
  const HostResult result = host.Run(conversation);
  EXPECT_EQ(result.outcome, Outcome::kSet);
  EXPECT_THAT(result.warnings,
              ElementsAre("service did not start again: ntp: failed!",
                          "the hardware clock was not written: hwclock: Cannot access the Hardware "
                          "Clock"));
}

TEST(SyncConversation, SaysThatTheHostGoesOnWhenTheConnectionIsLostWhileSetting) {
  FakeHost host(Recorded("ntp"));
  host.behind = 37s;
  host.drop_while_setting = true;
  SyncConversation conversation(Request(), kRight);
  const HostResult result = host.Run(conversation);
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_TRUE(result.setting);
  EXPECT_EQ(result.detail,
            "command: the connection was lost; it was setting its clock: the script there goes on "
            "without us and starts what it stopped. Run sync-all again to measure it");
}

TEST(SyncConversation, SaysWhyAClockCannotBeSet) {
  std::string probe = Recorded("ntp");
  probe.replace(probe.find("uid=0"), 5, "uid=7");
  FakeHost host(probe);
  host.behind = 37s;
  SyncConversation conversation(Request(), kRight);
  EXPECT_EQ(host.Run(conversation).detail,
            "setting a clock needs root: log in as root, or give become: sudo");
}

TEST(SyncConversation, JudgesByTheReferenceAndNotByThisMachine) {
  FakeHost host(Recorded("ntp"));
  const Reference ahead{.name = "relay1", .ahead = {5s, 1ms}, .as_of = At(0s), .drifts = false};
  SyncRequest request = Request();
  request.dry_run = true;
  SyncConversation conversation(request, ahead);
  const HostResult result = host.Run(conversation);
  EXPECT_LE(Abs(result.before->offset - 5s), result.before->bound);
  EXPECT_GE(result.before->bound, 1ms);
}

}  // namespace
}  // namespace fleetsync::sync
