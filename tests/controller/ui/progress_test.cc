#include "controller/ui/progress.h"

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::ui {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::string ReadAll(int fd) {
  std::string text;
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t n = read(fd, block.data(), block.size());
    if (n <= 0) return text;  // a closed terminal gives EIO
    text.append(block.data(), static_cast<size_t>(n));
  }
}

// What `run` writes to standard error when that is a terminal of 60 columns.
std::string OnTerminal(const std::function<void()>& run) {
  int terminal = -1;
  winsize size{.ws_row = 24, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    run();
    _exit(0);
  }
  std::string text = ReadAll(terminal);
  close(terminal);
  waitpid(child, nullptr, 0);
  return text;
}

std::string ThroughPipe(const std::function<void()>& run) {
  testing::internal::CaptureStderr();
  run();
  return testing::internal::GetCapturedStderr();
}

TEST(Progress, ThroughAPipeOnlyFailedHostsArePrinted) {
  EXPECT_EQ(ThroughPipe([] {
              Progress progress("pushing", 3, false);
              progress.OnStage("web01", "connect");
              progress.OnHostDone("web01", "");
              progress.OnHostDone("web02", "connect: timed out after 10 s");
              progress.OnHostDone("web03", "");
              progress.Finish();
            }),
            "web02: connect: timed out after 10 s\n");
}

TEST(Progress, VerboseSaysEveryStageAndEveryHost) {
  EXPECT_EQ(ThroughPipe([] {
              Progress progress("pushing", 1, true);
              progress.OnStage("web01", "connect");
              progress.OnStage("web01", "run");
              progress.OnHostDone("web01", "");
            }),
            "web01: connect\nweb01: run\nweb01: ok\n");
}

TEST(Progress, AHostCannotSteerTheTerminal) {
  EXPECT_EQ(
      ThroughPipe([] { Progress("pushing", 1, false).OnHostDone("web01", "\x1b[2Jowned\r"); }),
      "web01: \\x1b[2Jowned\\x0d\n");
}

TEST(Progress, OnATerminalOneLineIsRedrawnAndGoneAtTheEnd) {
  const std::string text = OnTerminal([] {
    Progress progress("pushing", 2, false);
    progress.OnStage("web01", "connect");
    progress.OnHostDone("web02", "refused");
    progress.OnHostDone("web01", "");
    progress.Finish();
  });
  EXPECT_EQ(text,
            "\rpushing: 0 of 2 hosts; web01 (connect)\x1b[K"
            "\rpushing: 1 of 2 hosts, 1 failed; web01 (connect)\x1b[K"
            "\rpushing: 2 of 2 hosts, 1 failed\x1b[K"
            "\r\x1b[K");
}

TEST(Progress, AThousandEventsAreNotAThousandRedraws) {
  const std::string text = OnTerminal([] {
    Progress progress("pushing", 1000, false);
    for (int i = 0; i < 1000; ++i) progress.OnHostDone(fmt::format("web{:03}", i), "");
  });
  EXPECT_LT(std::count(text.begin(), text.end(), '\r'), 50);
  EXPECT_THAT(text, EndsWith("\rpushing: 1000 of 1000 hosts\x1b[K\r\x1b[K"));
}

TEST(Progress, ALineIsNeverWiderThanTheTerminal) {
  const std::string text = OnTerminal([] {
    Progress progress("pushing", 1, false);
    progress.OnStage(std::string(100, 'w'), "connect");
  });
  EXPECT_EQ(text, "\rpushing: 0 of 1 hosts; " + std::string(36, 'w') + "\x1b[K\r\x1b[K");
}

}  // namespace
}  // namespace fleetsync::ui
