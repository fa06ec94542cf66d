#include "controller/deploy/agent_conversation.h"

#include "base/overloaded.h"
#include "base/sha256.h"
#include "controller/deploy/scripts.h"
#include "fmt/format.h"
#include "gmock/gmock.h"

namespace fleetsync::deploy {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Next = ssh::Conversation::Next;

constexpr char kConfig[] = "host web01\n";

AgentBinary Binary() {
  AgentBinary binary;
  binary.path = "/nonexistent/fleetsync-agent";
  binary.machine = "x86_64";
  binary.sha256 = Sha256Hex("program");
  binary.gzip = std::make_shared<const std::string>("compressed program");
  return binary;
}

// What both probes print on a host of this sort.
std::string Probe(const std::string& agent_lines, const std::string& machine = "x86_64") {
  return fmt::format(
      "\nfleetsync-probe 1 begin\nuname=Linux web01 6.1.0 {}\nuid=0\ninit=systemd\n"
      "fleetsync-probe 1 end\n"
      "\nfleetsync-agent-probe 1 begin\n{}fleetsync-agent-probe 1 end\n",
      machine, agent_lines);
}
const char kEmptyHost[] = "sha256_tool=sha256sum\ngzip=1\ncan_enable=1\n";
std::string InstalledHost() {
  return fmt::format(
      "sha256_tool=sha256sum\nfile={} -rwxr-xr-x {}\nfile={} -rw-r-----. {}\n"
      "file={} -rw-r--r-- {}\ngzip=1\nuser=1\nrunning=1\nenabled=1\ncan_enable=1\n",
      Sha256Hex("program"), kBinaryPath, Sha256Hex(kConfig), kConfigPath,
      Sha256Hex(UnitFor(facts::Init::kSystemd, false).text), kSystemdUnitPath);
}
std::string Report(const std::string& lines) {
  return "\nfleetsync-agent-install 1 begin\n" + lines + "fleetsync-agent-install 1 end\n";
}

AgentConversation Install(Installer& installer, StatusOr<std::string> config = kConfig) {
  return AgentConversation(
      [&installer, config = std::move(config)](const HostState& state) {
        return installer.Decide(
            state, "web01",
            config.ok() ? StatusOr<AgentWish>(AgentWish{.config = *config}) : config.status());
      },
      seconds(60));
}

const ssh::Command* CommandOf(const Next& next) {
  const auto* run = std::get_if<ssh::Conversation::RunCommand>(&next);
  return run == nullptr ? nullptr : &run->command;
}

Next Answer(AgentConversation& conversation, const std::string& output, int code = 0) {
  conversation.OnOutput({}, output, false);
  return conversation.OnExit({}, {.code = code, .signal = ""});
}

TEST(AgentConversation, AnUnchangedHostCostsOneRoundTrip) {
  Installer installer(Binary(), {});
  AgentConversation conversation = Install(installer);
  conversation.OnReady({});
  const Next next = Answer(conversation, Probe(InstalledHost()));
  EXPECT_TRUE(std::holds_alternative<ssh::Conversation::Done>(next));
  EXPECT_EQ(conversation.outcome().kind, Outcome::Kind::kUnchanged);
}

TEST(AgentConversation, TheProgramIsSharedAndNotCopiedForEachHost) {
  const AgentBinary binary = Binary();
  Installer installer(binary, {});
  AgentConversation conversation = Install(installer);
  conversation.OnReady({});
  const Next next = Answer(conversation, Probe(kEmptyHost));
  const ssh::Command* command = CommandOf(next);
  ASSERT_NE(command, nullptr);
  EXPECT_EQ(command->shared_input, binary.gzip);
  EXPECT_EQ(command->line, CommandFor(command->standard_input.size()));
  EXPECT_THAT(command->standard_input, HasSubstr("send_binary=gzip\n"));
}

TEST(AgentConversation, WhatWasDoneIsToldInOrder) {
  Installer installer(Binary(), {});
  AgentConversation conversation = Install(installer);
  conversation.OnReady({});
  Answer(conversation, Probe(kEmptyHost));
  Answer(conversation, Report("changed=user\nchanged=binary\nchanged=config\nstarted=1\n"));
  EXPECT_EQ(conversation.outcome().kind, Outcome::Kind::kInstalled);
  EXPECT_THAT(conversation.outcome().changes, ElementsAre("user", "binary", "config", "started"));
}

TEST(AgentConversation, OfAChangedConfigurationOnlyTheTextIsSent) {
  Installer installer(Binary(), {});
  AgentConversation conversation = Install(installer, std::string("host other\n"));
  conversation.OnReady({});
  const Next next = Answer(conversation, Probe(InstalledHost()));
  const ssh::Command* command = CommandOf(next);
  ASSERT_NE(command, nullptr);
  EXPECT_EQ(command->shared_input, nullptr);
  EXPECT_THAT(command->standard_input, HasSubstr("config='host other\n'"));
  Answer(conversation, Report("changed=config\nstarted=1\n"));
  EXPECT_EQ(conversation.outcome().kind, Outcome::Kind::kUpdated);
}

TEST(AgentConversation, CheckRunsNothingAndTellsWhatWouldChange) {
  Installer installer(Binary(), {.check = true});
  AgentConversation conversation = Install(installer);
  conversation.OnReady({});
  const Next next = Answer(conversation, Probe(kEmptyHost));
  EXPECT_TRUE(std::holds_alternative<ssh::Conversation::Done>(next));
  EXPECT_EQ(conversation.outcome().kind, Outcome::Kind::kWouldChange);
  EXPECT_THAT(conversation.outcome().changes,
              ElementsAre("user", "binary", "config", "unit", "enabled", "started"));
}

TEST(AgentConversation, AFailureThatWasUndoneSaysSo) {
  Installer installer(Binary(), {});
  AgentConversation conversation = Install(installer);
  conversation.OnReady({});
  Answer(conversation, Probe(kEmptyHost));
  Answer(conversation,
         Report("changed=binary\nfailed=starting the agent: Job failed\nrestored=1\n"));
  EXPECT_EQ(conversation.outcome().kind, Outcome::Kind::kFailed);
  EXPECT_TRUE(conversation.outcome().restored);
  EXPECT_EQ(conversation.outcome().failure,
            "starting the agent: Job failed; the host is as it was before");
}

TEST(AgentConversation, AFailureThatCouldNotBeUndoneSaysBoth) {
  const Outcome outcome = ParseOutcome(
      Report("failed=replacing /x: Read-only file system\nnot_restored=restoring /y: No space\n"),
      Outcome::Kind::kInstalled);
  EXPECT_EQ(outcome.kind, Outcome::Kind::kFailed);
  EXPECT_EQ(outcome.failure,
            "replacing /x: Read-only file system; undoing it failed too: restoring /y: No space");
}

TEST(AgentConversation, AHostWithoutAConfigurationFailsAlone) {
  Installer installer(Binary(), {});
  AgentConversation conversation =
      Install(installer, absl::FailedPreconditionError("no server to measure"));
  conversation.OnReady({});
  const Next next = Answer(conversation, Probe(kEmptyHost));
  EXPECT_TRUE(std::holds_alternative<ssh::Conversation::Done>(next));
  EXPECT_EQ(conversation.outcome().failure, "no server to measure");
}

TEST(AgentConversation, AProgramForAnotherCpuIsNotSent) {
  Installer installer(Binary(), {});
  AgentConversation conversation = Install(installer);
  conversation.OnReady({});
  Answer(conversation, Probe(kEmptyHost, "aarch64"));
  EXPECT_THAT(conversation.outcome().failure, HasSubstr("this host is aarch64"));
}

TEST(AgentConversation, AShellThatRefusesSaysWhatItSaid) {
  Installer installer(Binary(), {});
  AgentConversation conversation = Install(installer);
  conversation.OnReady({});
  conversation.OnOutput({}, "This account is currently not available.\n", true);
  conversation.OnExit({}, {.code = 1, .signal = ""});
  EXPECT_THAT(conversation.outcome().failure,
              HasSubstr("(This account is currently not available.)"));
}

TEST(AgentConversation, ACutOffScriptIsAFailure) {
  EXPECT_THAT(
      ParseOutcome("\nfleetsync-agent-install 1 begin\nchanged=binary\n", Outcome::Kind::kInstalled)
          .failure,
      HasSubstr("cut off"));
  EXPECT_THAT(ParseOutcome("", Outcome::Kind::kInstalled).failure, HasSubstr("did not run"));
}

TEST(AgentConversation, WhereNoAgentIsRemoveDoesNothing) {
  AgentConversation conversation(
      [](const HostState& state) { return DecideRemove(state, false, false); }, seconds(60));
  conversation.OnReady({});
  EXPECT_TRUE(
      std::holds_alternative<ssh::Conversation::Done>(Answer(conversation, Probe(kEmptyHost))));
  EXPECT_EQ(conversation.outcome().kind, Outcome::Kind::kUnchanged);
  EXPECT_THAT(conversation.outcome().changes, IsEmpty());
}

TEST(AgentConversation, RemoveTellsWhatItRemoved) {
  AgentConversation conversation(
      [](const HostState& state) { return DecideRemove(state, true, false); }, seconds(60));
  conversation.OnReady({});
  const Next next = Answer(conversation, Probe(InstalledHost()));
  const ssh::Command* command = CommandOf(next);
  ASSERT_NE(command, nullptr);
  EXPECT_THAT(command->standard_input, HasSubstr("action=remove\n"));
  Answer(conversation, Report("removed=/usr/local/sbin/fleetsync-agent\n"));
  EXPECT_EQ(conversation.outcome().kind, Outcome::Kind::kRemoved);
}

}  // namespace
}  // namespace fleetsync::deploy
