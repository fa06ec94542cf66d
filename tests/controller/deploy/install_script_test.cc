// install.sh itself, run by the shells that hosts have, against a folder that it takes for a host.
#include <string>

#include "base/sha256.h"
#include "controller/deploy/agent_conversation.h"
#include "controller/deploy/install_plan.h"
#include "controller/deploy/scripts.h"
#include "gmock/gmock.h"
#include "tests/controller/deploy/fake_root.h"

namespace fleetsync::deploy {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

const char kOldProgram[] = "#!/bin/sh\necho fleetsync-agent 0.1\n";
const char kNewProgram[] = "#!/bin/sh\necho fleetsync-agent 0.2\n";
const char kBrokenProgram[] = "#!/bin/sh\n# broken\necho fleetsync-agent 0.2\n";
const char kUnstartableProgram[] = "#!/no/such/loader\n";

class InstallScriptTest : public testing::TestWithParam<const char*> {
 protected:
  // Sent as it is: gzip on the host is the lab's matter, and has one test here.
  std::string Install(const std::string& program, const std::string& config,
                      InstallPlan plan = Everything(),
                      FakeRoot::Fault fault = FakeRoot::Fault::kNone, int at = 0) {
    const InstallInput input = InputFor(program, config, plan);
    const auto ran = root_.Run(
        GetParam(), input.script,
        std::string(input.secrets.Reveal()) + (plan.send_binary ? program : ""), fault, at);
    commands_ = ran.commands;
    return ran.output;
  }
  // Keys and identity are others for each configuration.
  static InstallInput InputFor(const std::string& program, const std::string& config,
                               const InstallPlan& plan) {
    AgentBinary binary;
    binary.sha256 = Sha256Hex(program);
    const AgentWish wish{.config = config, .keys = Secret("1 MD5 " + config)};
    const ca::Identity identity{.authority = "authority\n",
                                .certificate = "certificate of " + config,
                                .key = Secret("key of " + config)};
    return InstallInputFor(plan, Host(), binary, wish, &identity);
  }
  std::string Remove(bool purge) {
    return root_.Run(GetParam(), RemoveScriptFor(Host(), purge), "").output;
  }

  static HostState Host() {
    HostState state;
    state.facts.init = facts::Init::kSystemd;
    state.sha256_tool = "sha256sum";
    return state;
  }
  static InstallPlan Everything() {
    InstallPlan plan;
    plan.send_binary = plan.write_config = plan.write_unit = plan.observes = true;
    return plan;
  }
  // An agent with all that it can have, which chrony gives way to.
  static InstallPlan Keeping() {
    InstallPlan plan = Everything();
    plan.observes = false;
    plan.keeps_clock = plan.write_identity = plan.write_keys = true;
    plan.rivals.push_back({.service = "chrony",
                           .program = "chronyd",
                           .init = facts::Init::kSystemd,
                           .run = plan::SetService::Run::kStopped,
                           .boot = plan::SetService::Boot::kDisabled,
                           .was_running = true});
    return plan;
  }
  // And gives it back.
  static InstallPlan Leaving() {
    InstallPlan plan = Everything();
    plan.leaves_clock = plan.write_identity = plan.write_keys = true;
    return plan;
  }
  void ChronyRuns() {
    root_.Write("/state/chrony-active", "", 0600);
    root_.Write("/state/chrony-enabled", "", 0600);
  }

  FakeRoot root_;
  int commands_ = 0;
};

Outcome OutcomeOf(const std::string& output) {
  return ParseOutcome(output, Outcome::Kind::kInstalled);
}

TEST_P(InstallScriptTest, AFreshHostGetsProgramConfigurationUnitAndUser) {
  const Outcome outcome = OutcomeOf(Install(kNewProgram, "host 'web01'\n"));
  EXPECT_EQ(outcome.kind, Outcome::Kind::kInstalled) << outcome.failure;
  EXPECT_THAT(outcome.changes,
              ElementsAre("user", "binary", "config", "unit", "enabled", "started"));
  const auto tree = root_.Tree();
  EXPECT_THAT(tree,
              Contains(Pair("/usr/local/sbin/fleetsync-agent", std::string("755 ") + kNewProgram)));
  EXPECT_THAT(tree, Contains(Pair("/etc/fleetsync/agent.conf", "640 host 'web01'\n")));
  EXPECT_TRUE(root_.Exists("/etc/systemd/system/fleetsync-agent.service"));
  EXPECT_THAT(tree, Contains(Pair("active", kNewProgram)));
  EXPECT_EQ(tree.size(), 6U) << "nothing is left over";
  EXPECT_FALSE(root_.Exists("/var/lib/fleetsync-install/backup"));
  EXPECT_FALSE(root_.Exists("/var/run/fleetsync-install.lock"));
}

TEST_P(InstallScriptTest, AChangedConfigurationIsOneFileAndOneRestart) {
  Install(kNewProgram, "host web01\n");
  InstallPlan plan;
  plan.write_config = true;
  const Outcome outcome = OutcomeOf(Install(kNewProgram, "host web02\n", plan));
  EXPECT_THAT(outcome.changes, ElementsAre("config", "started")) << outcome.failure;
  EXPECT_THAT(root_.ServiceCalls(), ElementsAre("daemon-reload", "restart"));
  EXPECT_EQ(root_.Read("/etc/fleetsync/agent.conf"), "host web02\n");
}

TEST_P(InstallScriptTest, WhenNothingDiffersNothingIsRestarted) {
  Install(kNewProgram, "host web01\n");
  const auto before = root_.Tree();
  const Outcome outcome = OutcomeOf(Install(kNewProgram, "host web01\n", InstallPlan{}));
  EXPECT_THAT(outcome.changes, IsEmpty());
  EXPECT_THAT(root_.ServiceCalls(), Not(Contains("restart")));
  EXPECT_EQ(root_.Tree(), before);
}

TEST_P(InstallScriptTest, AnAgentThatDoesNotStartIsTakenBackAndTheOldOneRuns) {
  Install(kOldProgram, "host web01\n");
  const auto before = root_.Tree();
  const Outcome outcome = OutcomeOf(Install(kBrokenProgram, "host web02\n"));
  EXPECT_EQ(outcome.failure,
            "starting the agent: what the journal says; the host is as it was before");
  EXPECT_EQ(root_.Tree(), before);
}

TEST_P(InstallScriptTest, AFailedFirstInstallationLeavesNothing) {
  const auto before = root_.Tree();
  const Outcome outcome = OutcomeOf(Install(kBrokenProgram, "host web01\n"));
  EXPECT_TRUE(outcome.restored) << outcome.failure;
  EXPECT_EQ(root_.Tree(), before);
}

TEST_P(InstallScriptTest, AProgramThatDoesNotRunHereIsFoundOutBeforeAnythingIsReplaced) {
  Install(kOldProgram, "host web01\n");
  const auto before = root_.Tree();
  const Outcome outcome = OutcomeOf(Install(kUnstartableProgram, "host web02\n"));
  EXPECT_THAT(outcome.failure, HasSubstr("starting the new binary: "));
  EXPECT_FALSE(outcome.restored) << "nothing was touched";
  EXPECT_THAT(root_.ServiceCalls(), IsEmpty());
  EXPECT_EQ(root_.Tree(), before);
}

TEST_P(InstallScriptTest, AProgramThatArrivesCutOffIsNotInstalled) {
  const auto ran = root_.Run(GetParam(), InputFor(kNewProgram, "host a\n", Everything()).script,
                             std::string(kNewProgram).substr(0, 10));
  EXPECT_THAT(OutcomeOf(ran.output).failure, HasSubstr("what arrived is not what was sent"));
  EXPECT_THAT(root_.Tree(), IsEmpty());
}

TEST_P(InstallScriptTest, ACompressedProgramThatArrivesCutOffIsNotInstalled) {
  HostState host = Host();
  host.has_gzip = true;
  const auto ran = root_.Run(
      GetParam(),
      InstallInputFor(Everything(), host, AgentBinary{}, {.config = "host a\n"}, nullptr).script,
      "");
  EXPECT_THAT(OutcomeOf(ran.output).failure, HasSubstr("fleetsync-agent.new: "));
  EXPECT_THAT(root_.Tree(), IsEmpty());
}

TEST_P(InstallScriptTest, ARunningInstallationKeepsOthersOut) {
  root_.Write("/var/run/fleetsync-install.lock/pid", "1\n", 0644);
  const Outcome outcome = OutcomeOf(Install(kNewProgram, "host web01\n"));
  EXPECT_EQ(outcome.failure, "another installation runs on this host (process 1)");
  EXPECT_TRUE(root_.Exists("/var/run/fleetsync-install.lock")) << "it is the other one's";
}

TEST_P(InstallScriptTest, ALockThatNobodyHoldsIsTakenOver) {
  root_.Write("/var/run/fleetsync-install.lock/pid", "2147483647\n", 0644);
  EXPECT_EQ(OutcomeOf(Install(kNewProgram, "host web01\n")).kind, Outcome::Kind::kInstalled);
}

// ---- identity and keys

TEST_P(InstallScriptTest, SecretsAreTheirOwnersAlone) {
  const Outcome outcome = OutcomeOf(Install(kNewProgram, "web01\n", Keeping()));
  EXPECT_THAT(outcome.changes, Contains("identity")) << outcome.failure;
  const auto tree = root_.Tree();
  const std::string tls = "/var/lib/fleetsync-agent/tls";
  EXPECT_THAT(tree, Contains(Pair(tls + "/ca.pem", "600 authority\n")));
  EXPECT_THAT(tree, Contains(Pair(tls + "/host.pem", "600 certificate of web01\n")));
  EXPECT_THAT(tree, Contains(Pair(tls + "/host.key", "600 key of web01\n")));
  EXPECT_THAT(tree, Contains(Pair("/etc/fleetsync/agent.keys", "600 1 MD5 web01\n")));
  EXPECT_EQ(root_.Mode(tls), 0700U);
  EXPECT_FALSE(root_.Exists("/var/lib/fleetsync-install/tls"));
  EXPECT_FALSE(root_.Exists("/var/lib/fleetsync-install/backup"));
}

TEST_P(InstallScriptTest, AnInstallationWithoutAnIdentityLeavesTheOneThatIsThere) {
  Install(kNewProgram, "web01\n", Keeping());
  Install(kOldProgram, "web02\n");
  EXPECT_EQ(root_.Read("/var/lib/fleetsync-agent/tls/host.key"), "key of web01\n");
}

TEST_P(InstallScriptTest, AnIdentityThatArrivesCutOffIsNotInstalled) {
  Install(kNewProgram, "web01\n", Keeping());
  const auto before = root_.Tree();
  InstallPlan plan;
  plan.write_identity = true;
  const InstallInput input = InputFor(kNewProgram, "web02\n", plan);
  const auto ran =
      root_.Run(GetParam(), input.script,
                std::string(input.secrets.Reveal().substr(0, input.secrets.Reveal().size() - 1)));
  EXPECT_THAT(OutcomeOf(ran.output).failure, HasSubstr("host.key: cut off"));
  EXPECT_EQ(root_.Tree(), before);
}

// ---- who keeps the clock

TEST_P(InstallScriptTest, TheOthersGiveWayAndGetTheClockBack) {
  ChronyRuns();
  const auto before = root_.Tree();
  Outcome outcome = OutcomeOf(Install(kNewProgram, "web01\n", Keeping()));
  EXPECT_THAT(outcome.changes, Contains("retired chrony")) << outcome.failure;
  EXPECT_FALSE(root_.Exists("/state/chrony-active") || root_.Exists("/state/chrony-enabled"));
  EXPECT_TRUE(root_.Exists("/state/user-_fleetsync"));

  outcome = OutcomeOf(Install(kNewProgram, "web01\n", Leaving()));
  EXPECT_THAT(outcome.changes, Contains("gave the clock back to chrony")) << outcome.failure;
  EXPECT_TRUE(root_.Exists("/state/chrony-active") && root_.Exists("/state/chrony-enabled"));

  Install(kNewProgram, "web01\n", Keeping());
  HostState host = Host();
  host.keeps_clock = true;
  outcome = OutcomeOf(root_.Run(GetParam(), RemoveScriptFor(host, true), "").output);
  EXPECT_THAT(outcome.changes, Contains("gave the clock back to chrony")) << outcome.failure;
  EXPECT_EQ(root_.Tree(), before);
}

TEST_P(InstallScriptTest, WhereNobodyIsThereToTakeTheClockThatIsSaid) {
  HostState host = Host();
  host.keeps_clock = true;
  const Outcome outcome = OutcomeOf(root_.Run(GetParam(), RemoveScriptFor(host, false), "").output);
  EXPECT_THAT(outcome.warnings, ElementsAre(HasSubstr("nothing keeps this host's clock now")));
}

// ---- faults

// The loop of SQLite's tests: the 1st command fails, then the 2nd, … until none is left.
TEST_P(InstallScriptTest, WhicheverCommandFailsTheHostIsAsBeforeOrAsWanted) {
  ChronyRuns();
  Install(kOldProgram, "host web01\n", Leaving());
  const auto before = root_.Tree();
  Install(kNewProgram, "host web02\n", Keeping());
  const auto wanted = root_.Tree();
  const int last = commands_;
  ASSERT_GT(last, 20);
  ASSERT_NE(before, wanted);
  Install(kOldProgram, "host web01\n", Leaving());
  const auto without = [](auto tree) {
    tree.erase("user-_fleetsync");  // stays with who had the clock
    return tree;
  };
  for (int at = 1; at <= last; ++at) {
    SCOPED_TRACE(at);
    const Outcome outcome =
        OutcomeOf(Install(kNewProgram, "host web02\n", Keeping(), FakeRoot::Fault::kFail, at));
    if (outcome.kind == Outcome::Kind::kFailed) {
      EXPECT_EQ(without(root_.Tree()), before) << outcome.failure;
      EXPECT_THAT(outcome.failure, Not(HasSubstr("undoing it failed")));
    } else {
      EXPECT_EQ(root_.Tree(), wanted);
      Install(kOldProgram, "host web01\n", Leaving());
    }
  }
}

TEST_P(InstallScriptTest, WhicheverCommandFailsWhenTheClockIsGivenBackTheAgentKeepsItOrNot) {
  ChronyRuns();
  Install(kOldProgram, "host web01\n", Keeping());
  const auto before = root_.Tree();
  Install(kNewProgram, "host web02\n", Leaving());
  const auto wanted = root_.Tree();
  const int last = commands_;
  Install(kOldProgram, "host web01\n", Keeping());
  for (int at = 1; at <= last; ++at) {
    SCOPED_TRACE(at);
    const Outcome outcome =
        OutcomeOf(Install(kNewProgram, "host web02\n", Leaving(), FakeRoot::Fault::kFail, at));
    EXPECT_EQ(root_.Tree(), outcome.kind == Outcome::Kind::kFailed ? before : wanted)
        << outcome.failure;
    if (outcome.kind != Outcome::Kind::kFailed) Install(kOldProgram, "host web01\n", Keeping());
  }
}

TEST_P(InstallScriptTest, WhereverItIsKilledTheNextRunFinishesAndAFailingOneRestores) {
  ChronyRuns();
  Install(kNewProgram, "host web02\n", Keeping());
  const auto wanted = root_.Tree();
  const int last = commands_;
  Install(kOldProgram, "host web01\n", Leaving());
  const auto before = root_.Tree();
  for (int at = 1; at <= last; ++at) {
    SCOPED_TRACE(at);
    ASSERT_EQ(OutcomeOf(Install(kOldProgram, "host web01\n", Leaving())).failure, "");
    for (const char* next : {kBrokenProgram, kNewProgram}) {
      ASSERT_EQ(root_.Tree(), before);
      Install(kNewProgram, "host web02\n", Keeping(), FakeRoot::Fault::kKill, at);
      const Outcome outcome = OutcomeOf(Install(next, "host web02\n", Keeping()));
      EXPECT_EQ(outcome.kind == Outcome::Kind::kFailed, next == kBrokenProgram) << outcome.failure;
    }
    EXPECT_EQ(root_.Tree(), wanted);
  }
}

TEST_P(InstallScriptTest, RemoveLeavesTheReportsAndPurgeLeavesNothing) {
  const auto before = root_.Tree();
  Install(kNewProgram, "host web01\n");
  root_.Write("/var/lib/fleetsync-agent/spool/1", "report", 0644);
  const Outcome outcome = OutcomeOf(Remove(false));
  EXPECT_EQ(outcome.failure, "");
  EXPECT_THAT(outcome.changes.size(), 3U);
  EXPECT_THAT(root_.Tree(), ElementsAre(Pair("/var/lib/fleetsync-agent/spool/1", "644 report"),
                                        Pair("user-fleetsync", "")));
  EXPECT_EQ(OutcomeOf(Remove(true)).failure, "");
  EXPECT_EQ(root_.Tree(), before);
}

INSTANTIATE_TEST_SUITE_P(Shells, InstallScriptTest, testing::Values("dash", "busybox sh"),
                         [](const auto& shell) {
                           return std::string(shell.param) == "dash" ? "dash" : "busybox";
                         });

}  // namespace
}  // namespace fleetsync::deploy
