#include "controller/push/push_conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/push/confirm_conversation.h"
#include "controller/push/failure_text.h"
#include "controller/render/render.h"
#include "fmt/format.h"
#include "tests/controller/render/samples.h"

namespace fleetsync::push {
namespace {

using ssh::Conversation;
using Undo = plan::ApplyResult::Undo;
using testing::HasSubstr;
using testing::StartsWith;

// What the probe of a Debian host with chrony prints.
std::string Probed(const std::string& config, const std::string& uid = "0") {
  std::string hex;
  for (const char c : config) hex += fmt::format(" {:02x}", static_cast<unsigned char>(c));
  return fmt::format(
      "\nfleetsync-probe 1 begin\nuname=Linux web07 6.1 x86_64\nuid={}\nos_release=ID=debian\n"
      "init=systemd\ndaemon=chrony\ndaemon.binary=/usr/sbin/chronyd\n"
      "daemon.version=chronyd (chrony) version 4.3 (+CMDMON)\ndaemon.service=chrony\n"
      "daemon.pid=15\ndaemon.config=/etc/chrony/chrony.conf\ndaemon.enabled=1\ntool=chronyc\n"
      "file=/etc/chrony/chrony.conf\n"
      "stat=-rw-r--r-- 1 root root 1 Nov 20 22:19 /etc/chrony/chrony.conf\n"
      "encoding=hex\ndata={}\nfleetsync-probe 1 end\n",
      uid, hex);
}

std::string Settled() {
  return render::RenderTimeService(samples::Client(), samples::PlatformWith(samples::Chrony()))
      ->text;
}

PushOptions Options(bool check = false) {
  return {.check = check, .apply = {.run_id = "run1"}, .deadline = std::chrono::seconds(30)};
}

// Plays a host: gives the conversation an answer for each command that it runs.
struct Play {
  explicit Play(PushOptions options = Options(), policy::TimePolicy policy = samples::Client())
      : push(BringTo(std::move(policy)), std::move(options)) {
    Take(push.OnReady({}));
  }
  void Take(const Conversation::Next& next) {
    done = std::holds_alternative<Conversation::Done>(next);
    if (const auto* run = std::get_if<Conversation::RunCommand>(&next)) command = run->command;
  }
  void Answer(const std::string& output, int code = 0, const std::string& errors = {}) {
    // In pieces, as a network brings it.
    for (size_t at = 0; at < output.size(); at += 7) push.OnOutput({}, output.substr(at, 7), false);
    if (!errors.empty()) push.OnOutput({}, errors, true);
    Take(push.OnExit({}, {.code = code, .signal = {}}));
  }
  const PushResult& result() const { return push.result(); }

  PushConversation push;
  ssh::Command command;
  bool done = false;
};

TEST(PushConversation, AsksForAFingerprintAloneWhereItFoundNothingToDoBefore) {
  Play first;
  EXPECT_THAT(first.command.standard_input, HasSubstr("scope=push\nsettled=''\n"));
  std::string answer = Probed(Settled());
  answer.insert(answer.find("uname="), "fingerprint=f00d\n");
  first.Answer(answer);
  EXPECT_EQ(first.result().outcome, Outcome::kUnchanged);
  EXPECT_EQ(first.result().fingerprint, "f00d");

  HostTask task = BringTo(samples::Client());
  task.probe.settled = "f00d";
  PushConversation again(task, Options());
  const auto next = again.OnReady({});
  EXPECT_THAT(std::get<Conversation::RunCommand>(next).command.standard_input,
              HasSubstr("scope=push\nsettled=f00d\n"));
  again.OnOutput(
      {}, "fleetsync-probe 1 begin\nfingerprint=f00d\nsettled=1\nfleetsync-probe 1 end\n", false);
  EXPECT_TRUE(
      std::holds_alternative<Conversation::Done>(again.OnExit({}, {.code = 0, .signal = {}})));
  EXPECT_EQ(again.result().outcome, Outcome::kUnchanged);
  EXPECT_EQ(again.result().round_trips, 1);
}

// A host without a daemon, where the policy wants one installed.
struct InstallingPlay : Play {
  InstallingPlay()
      : Play(Options(), [] {
          policy::TimePolicy policy = samples::Client();
          policy.settings.packages = inventory::TimeSettings::Packages::kInstall;
          return policy;
        }()) {
    Answer(
        "\nfleetsync-probe 1 begin\nuid=0\nos_release=ID=debian\ninit=systemd\n"
        "package_manager=apt\nfleetsync-probe 1 end\n");
    EXPECT_THAT(command.standard_input, HasSubstr("install_package apt chrony\n"));
    Answer("@fleetsync done run1\n");
    EXPECT_THAT(command.standard_input, HasSubstr("fleetsync_probe"));
  }
};

TEST(PushConversation, APackageIsInstalledFirstAndTheRestPlannedAfterwards) {
  InstallingPlay play;
  play.Answer(Probed("pool 2.debian.pool.ntp.org\n"));
  play.Answer("@fleetsync done run1\n");
  EXPECT_EQ(play.result().outcome, Outcome::kChanged);
  EXPECT_TRUE(std::holds_alternative<plan::InstallPackage>(play.result().plan.changes[0].change));
}

TEST(PushConversation, APackageGoesAgainWhenWhatFollowsFails) {
  InstallingPlay play;
  play.Answer(Probed("pool 2.debian.pool.ntp.org\n"));
  play.Answer("@fleetsync failed verify chrony does not answer\n@fleetsync undone\n", 1);
  ASSERT_FALSE(play.done);
  EXPECT_THAT(play.command.standard_input, HasSubstr("remove_package apt chrony\n"));
  play.Answer("@fleetsync done run1\n");
  EXPECT_TRUE(play.done);
  EXPECT_EQ(play.result().outcome, Outcome::kFailed);
  EXPECT_EQ(play.result().stage, "verify");
  EXPECT_THAT(play.result().why, HasSubstr("chrony does not answer"));
  EXPECT_THAT(play.result().why,
              HasSubstr("the package that was installed has been removed again"));
}

// What a confirmation over a new connection makes of a change that stands for a while.
PushResult Confirmed(const std::string& answer, bool connects = true) {
  PushResult provisional;
  provisional.outcome = Outcome::kChanged;
  provisional.provisional = true;
  ConfirmConversation confirm(provisional, Options());
  if (!connects) {
    confirm.OnFailed({.stage = ssh::Stage::kConnect,
                      .fault = ssh::Fault::kTimedOut,
                      .detail = "no answer",
                      .next_step = ""});
    return confirm.result();
  }
  const auto next = confirm.OnReady({});
  EXPECT_EQ(std::get<Conversation::RunCommand>(next).command.line,
            "sh /var/lib/fleetsync/backup/run1/undo confirm");
  confirm.OnOutput({}, answer, false);
  EXPECT_TRUE(
      std::holds_alternative<Conversation::Done>(confirm.OnExit({}, {.code = 0, .signal = {}})));
  return confirm.result();
}

TEST(ConfirmConversation, AChangeStandsWhenTheHostSaysSoOverANewConnection) {
  const PushResult result = Confirmed("@fleetsync done run1\n");
  EXPECT_EQ(result.outcome, Outcome::kChanged);
  EXPECT_FALSE(result.provisional);
}

TEST(ConfirmConversation, ElseItIsAFailureThatTheHostUndoes) {
  for (const PushResult& result :
       {Confirmed("@fleetsync failed confirm it was not\n"), Confirmed(""), Confirmed("", false)}) {
    EXPECT_EQ(result.outcome, Outcome::kFailed);
    EXPECT_EQ(result.stage, "confirm");
    EXPECT_THAT(result.why, HasSubstr("the host goes back by itself, 60 s after the change"));
  }
}

TEST(PushConversation, AHostThatChangesHasNoFingerprintYet) {
  Play play;
  std::string answer = Probed("server elsewhere\n");
  answer.insert(answer.find("uname="), "fingerprint=f00d\n");
  play.Answer(answer);
  EXPECT_EQ(play.result().fingerprint, "");
}

TEST(PushConversation, AnUnchangedHostCostsOneRoundTrip) {
  Play play;
  EXPECT_EQ(play.command.line, "sh -s");
  EXPECT_TRUE(play.command.become);
  EXPECT_EQ(play.command.deadline, std::chrono::seconds(30));
  play.Answer(Probed(Settled()));
  EXPECT_TRUE(play.done);
  EXPECT_EQ(play.result().outcome, Outcome::kUnchanged);
  EXPECT_EQ(play.result().round_trips, 1);
}

TEST(PushConversation, ADifferentHostIsAppliedInTheSecond) {
  Play play;
  play.Answer(Probed("server old\n"));
  ASSERT_FALSE(play.done);
  EXPECT_EQ(play.command.line, "sh -s");
  EXPECT_THAT(play.command.standard_input, HasSubstr("server ntp1.example iburst\n"));
  EXPECT_THAT(play.command.standard_input, HasSubstr("RUN=run1\n"));
  play.Answer("@fleetsync stage commit\n@fleetsync done run1\n");
  EXPECT_TRUE(play.done);
  EXPECT_EQ(play.result().outcome, Outcome::kChanged);
  EXPECT_EQ(play.result().round_trips, 2);
}

TEST(PushConversation, CheckStopsAfterThePlan) {
  Play play(Options(true));
  play.Answer(Probed("server old\n"));
  EXPECT_TRUE(play.done);
  EXPECT_EQ(play.result().outcome, Outcome::kPending);
  EXPECT_EQ(play.result().plan.changes.size(), 2U);
  EXPECT_EQ(play.result().round_trips, 1);
}

TEST(PushConversation, WhatTheHostRefusesIsExplained) {
  Play play;
  play.Answer(Probed("server old\n"));
  play.Answer(
      "@fleetsync stage validate\n@fleetsync failed validate chronyd refuses the file: Invalid "
      "directive at line 5 in file /etc/chrony/.chrony.conf.fleetsync-new\n@fleetsync undone \n",
      1);
  EXPECT_EQ(play.result().outcome, Outcome::kFailed);
  EXPECT_EQ(play.result().stage, "validate");
  EXPECT_EQ(play.result().why,
            "chronyd refuses the file: Invalid directive at line 5 in file "
            "/etc/chrony/chrony.conf: 'server 10.77.0.2 iburst'; the old configuration is back in "
            "force");
  EXPECT_EQ(play.result().next_step, "change the policy (time.extra), then push again");
  EXPECT_EQ(play.result().undo, Undo::kDone);
}

TEST(PushConversation, AFullDiskIsNamedAndWhatToDo) {
  Play play;
  play.Answer(Probed("server old\n"));
  play.Answer(
      "@fleetsync failed stage cat: write error: No space left on device\n"
      "@fleetsync undone \n",
      1);
  EXPECT_EQ(play.result().why,
            "cat: write error: No space left on device; the old configuration is back in force");
  EXPECT_EQ(play.result().next_step, "free some room there, then push again");
}

TEST(PushConversation, AScriptThatEndsWithoutAWordIsAFailure) {
  Play play;
  play.Answer(Probed("server old\n"));
  play.Answer("@fleetsync stage swap\n", 2, "sh: 1: Syntax error\n");
  EXPECT_EQ(play.result().outcome, Outcome::kFailed);
  EXPECT_EQ(play.result().stage, "swap");
  EXPECT_EQ(play.result().why,
            "the script ended with 2 before it said how it went: sh: 1: Syntax error");
  EXPECT_EQ(play.result().undo, Undo::kUnknown);
}

TEST(PushConversation, AConnectionLostInTheMiddleIsSaidToBeUncertain) {
  Play play;
  play.Answer(Probed("server old\n"));
  play.push.OnOutput({}, "@fleetsync stage swap\n", false);
  play.push.OnFailed({.stage = ssh::Stage::kCommand,
                      .fault = ssh::Fault::kDisconnected,
                      .detail = "the connection was closed",
                      .next_step = {}});
  EXPECT_EQ(play.result().outcome, Outcome::kFailed);
  EXPECT_EQ(play.result().stage, "swap");
  EXPECT_EQ(play.result().why, "the connection was closed");
  EXPECT_EQ(play.result().next_step, kAfterLostConnection);
  EXPECT_EQ(play.result().undo, Undo::kUnknown);
}

TEST(PushConversation, AHostThatCannotBeReachedSaysWhatTheTransportSays) {
  PushConversation push(BringTo(samples::Client()), Options());
  push.OnFailed({.stage = ssh::Stage::kBecome,
                 .fault = ssh::Fault::kDenied,
                 .detail = "sudo: a password is required",
                 .next_step = "set become_password"});
  EXPECT_EQ(push.result().outcome, Outcome::kFailed);
  EXPECT_EQ(push.result().stage, "become");
  EXPECT_EQ(push.result().next_step, "set become_password");
  EXPECT_EQ(push.result().undo, Undo::kNotNeeded);
}

TEST(PushConversation, AHostThatWasNotBegunIsSkipped) {
  PushConversation push(BringTo(samples::Client()), Options());
  push.OnFailed({.stage = ssh::Stage::kConnect,
                 .fault = ssh::Fault::kInterrupted,
                 .detail = "interrupted",
                 .next_step = {}});
  EXPECT_EQ(push.result().outcome, Outcome::kSkipped);
}

TEST(PushConversation, GarbageInsteadOfAProbeIsAFailureOfTheProbe) {
  for (const char* output : {"", "bash: sh: command not found\n", "\nfleetsync-probe 1 begin\n"}) {
    Play play;
    play.Answer(output, 127);
    EXPECT_TRUE(play.done);
    EXPECT_EQ(play.result().outcome, Outcome::kFailed);
    EXPECT_EQ(play.result().stage, "probe");
    EXPECT_EQ(play.result().round_trips, 1);
  }
}

TEST(PushConversation, WhatWasBrokenOffIsUndoneBeforeThePlanIsMade) {
  Play play;
  // The file is the new one already, but its transaction did not end.
  play.Answer("fleetsync-journal open\n" + Probed(Settled()));
  ASSERT_FALSE(play.done);
  EXPECT_THAT(play.command.standard_input, HasSubstr("CHANGES=no\n"));
  play.Answer("@fleetsync stage recover\n@fleetsync recovered run0\n@fleetsync done run1\n");
  ASSERT_FALSE(play.done);
  play.Answer(Probed("server old\n"));
  ASSERT_FALSE(play.done);
  play.Answer("@fleetsync done run1\n");
  EXPECT_TRUE(play.done);
  EXPECT_EQ(play.result().outcome, Outcome::kChanged);
  EXPECT_EQ(play.result().recovered, "run0");
  EXPECT_EQ(play.result().round_trips, 4);
}

TEST(PushConversation, CheckTouchesNothingOfWhatWasBrokenOff) {
  Play play(Options(true));
  play.Answer("fleetsync-journal open\n" + Probed(Settled()));
  EXPECT_TRUE(play.done);
  EXPECT_EQ(play.result().outcome, Outcome::kPending);
}

TEST(PushConversation, ARecoveryThatFailsStopsThere) {
  Play play;
  play.Answer("fleetsync-journal open\n" + Probed(Settled()));
  play.Answer(
      "@fleetsync failed recover an interrupted push (run0) could not be undone: x\n"
      "@fleetsync untouched\n",
      1);
  EXPECT_TRUE(play.done);
  EXPECT_EQ(play.result().outcome, Outcome::kFailed);
  EXPECT_EQ(play.result().stage, "recover");
}

TEST(PushConversation, APlanThatCannotBeMadeFailsWithoutTouchingAnything) {
  Play play;
  play.Answer(Probed("server old\n", "1000"));
  EXPECT_TRUE(play.done);
  EXPECT_EQ(play.result().stage, "plan");
  EXPECT_THAT(play.result().why, StartsWith("the commands there did not run as root"));
}

}  // namespace
}  // namespace fleetsync::push
