#include "agent/daemon/program_output.h"

#include <poll.h>

#include "gtest/gtest.h"

namespace fleetsync::daemon {
namespace {

using std::chrono::seconds;

constexpr MonoTime kStart{seconds(1000)};

StatusOr<ProgramOutput> Shell(const std::string& script) {
  return ProgramOutput::Start({"/nowhere/sh", "/bin/sh"}, {"-c", script}, kStart);
}

// Until the program has ended, or `now` is no more than it may take.
void RunToEnd(ProgramOutput& program, MonoTime now = kStart) {
  while (!program.over()) {
    pollfd ready{program.fd(), POLLIN, 0};
    poll(&ready, 1, program.fd() >= 0 ? 10'000 : 1);
    if (ready.revents != 0) program.OnReadable(now);
    now += std::chrono::milliseconds(1);
    program.OnTimer(now);
  }
}

TEST(ProgramOutput, WhatIsPrintedOnBothOutputsIsRead) {
  auto program = Shell("echo out; echo err >&2");
  ASSERT_TRUE(program.ok());
  RunToEnd(*program);
  EXPECT_EQ(program->text(), "out\nerr\n");
  EXPECT_TRUE(program->well());
}

TEST(ProgramOutput, AFailureIsToldFromSuccess) {
  auto program = Shell("echo no; exit 3");
  ASSERT_TRUE(program.ok());
  RunToEnd(*program);
  EXPECT_EQ(program->text(), "no\n");
  EXPECT_FALSE(program->well());
}

TEST(ProgramOutput, ItHasNoInputAndTheCLocale) {
  auto program = Shell("cat; echo $LC_ALL");
  ASSERT_TRUE(program.ok());
  RunToEnd(*program);
  EXPECT_EQ(program->text(), "C\n");
}

TEST(ProgramOutput, WhatTakesTooLongIsKilled) {
  auto program = Shell("echo begun; exec cat /dev/zero > /dev/null");
  ASSERT_TRUE(program.ok());
  program->OnTimer(kStart + std::chrono::milliseconds(2999));
  EXPECT_FALSE(program->over());
  EXPECT_EQ(program->NextTimer(), kStart + seconds(3));
  program->OnTimer(kStart + seconds(3));
  EXPECT_TRUE(program->over());
  EXPECT_FALSE(program->well());
}

TEST(ProgramOutput, WhatPrintsWithoutEndIsKilled) {
  auto program = Shell("exec cat /dev/zero");
  ASSERT_TRUE(program.ok());
  while (!program->over()) {
    pollfd ready{program->fd(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 10'000), 1);
    program->OnReadable(kStart);
  }
  EXPECT_FALSE(program->well());
  EXPECT_LE(program->text().size(), 128U * 1024);
}

TEST(ProgramOutput, AProgramThatIsNotThereIsNotFound) {
  EXPECT_EQ(ProgramOutput::Start({"/nowhere/ntpctl"}, {}, kStart).status().message(),
            "/nowhere/ntpctl is not installed");
}

}  // namespace
}  // namespace fleetsync::daemon
