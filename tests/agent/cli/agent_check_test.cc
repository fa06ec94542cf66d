// What the program refuses, and what `check` says of a configuration.
#include "tests/agent/cli/agent_program.h"

namespace fleetsync::agent {
namespace {

using ::testing::HasSubstr;

struct Refusal {
  std::string config;
  std::string error;  // with {} for the file
};

TEST_F(AgentProgram, WhatCannotWorkIsRefusedWithWhatToDo) {
  const Refusal refusals[] = {
      {"host a\n", "{}: there is no time server; add \"server ADDRESS iburst\""},
      {"server 192.0.2.1\n",
       "{}: there is no controller to report to; add \"controller HOST:PORT\", or run with "
       "--no-report"},
      {"server 192.0.2.1 key 7\n",
       "{}: server 192.0.2.1 has a key; say where keys are: \"keyfile FILE\""},
      {"observe auto\nserver 192.0.2.1\n",
       "{}: an agent that keeps the clock observes no other program; add \"no-clock-control\", or "
       "leave out \"observe\""},
      {"no-clock-control\nobserve none\n",
       "{}: there is no time server; add \"server ADDRESS iburst\""},
      {"no-clock-control\n",
       "{}: there is no controller to report to; add \"controller HOST:PORT\", or run with "
       "--no-report"},
      {"sever 192.0.2.1\n", "{}:1: unknown directive \"sever\"; did you mean \"server\"?"},
  };
  for (const Refusal& refusal : refusals) {
    const std::string file = Config(refusal.config);
    EXPECT_EQ(RunToEnd({"run", "--config", file}), 2);
    EXPECT_EQ(Err(), "fleetsync-agent: " + fmt::format(fmt::runtime(refusal.error), file) + "\n");
  }
  EXPECT_EQ(RunToEnd({"run", "--config", folder_ + "/missing"}), 2);
  EXPECT_EQ(Err(), "fleetsync-agent: reading " + folder_ + "/missing: No such file or directory\n");
}

TEST_F(AgentProgram, AStateFolderThatCannotBeMadeIsRefused) {
  const std::string file = Config(fmt::format(
      "server 127.0.0.1\ncontroller 127.0.0.1:1\ninsecure-controller\nno-clock-control\n"
      "state-dir {}/agent.conf/state\n",
      folder_));
  EXPECT_EQ(RunToEnd({"run", "--config", file}), 1);
  EXPECT_EQ(Err(),
            fmt::format("fleetsync-agent: making state-dir {}/agent.conf/state: Not a directory\n",
                        folder_));
}

// The configurations that a push writes for it.
TEST_F(AgentProgram, CheckAcceptsWhatThePushWrites) {
  int checked = 0;
  for (const auto& golden : std::filesystem::directory_iterator("tests/golden/agent")) {
    EXPECT_EQ(RunToEnd({"check", "--config", golden.path()}), 0) << golden.path() << Err();
    ++checked;
  }
  EXPECT_GE(checked, 2);
}

TEST_F(AgentProgram, CheckSaysWhatIsWrongAndTouchesNothing) {
  EXPECT_EQ(
      RunToEnd({"check", "--config", Config("server a iburst\ncontroller b:1\nminsources 2\n")}),
      2);
  EXPECT_THAT(Err(), HasSubstr("/agent.conf:3: unknown directive \"minsources\"; did you mean"));
  EXPECT_EQ(RunToEnd({"check", "--config", Config("server a iburst\n")}), 2);
  EXPECT_THAT(Err(), HasSubstr("there is no controller to report to"));
}

TEST_F(AgentProgram, CheckTellsWhetherTheKernelCountsTheClockAsRight) {
  timex state{};
  ASSERT_GE(adjtimex(&state), 0);
  EXPECT_EQ(RunToEnd({"check", "--clock"}), (state.status & STA_UNSYNC) != 0 ? 4 : 0);
  EXPECT_EQ(RunToEnd({"check"}), 2) << "one of the two";
}

TEST_F(AgentProgram, VersionAndHelpAreOnStandardOutput) {
  EXPECT_EQ(RunToEnd({"--version"}), 0);
  EXPECT_EQ(Out(), "fleetsync-agent " FLEETSYNC_VERSION "\n");
  EXPECT_EQ(RunToEnd({"--help"}), 0);
  EXPECT_THAT(Out(), HasSubstr("Usage: fleetsync-agent"));
  EXPECT_THAT(Out(), ::testing::Not(HasSubstr("reporter")));
  EXPECT_EQ(RunToEnd({}), 2);
}

}  // namespace
}  // namespace fleetsync::agent
