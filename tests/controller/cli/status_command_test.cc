#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/clock_read.h"
#include "base/file.h"
#include "controller/cli/app.h"
#include "db/writer.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/report_builder.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

std::atomic<bool> stop_requested{false};
extern "C" void OnStop(int /*signal_number*/) { stop_requested = true; }

// A fleet of two hosts, one of which has reported a moment ago, and the command line on a terminal
// of its own, 100 by 20.
class StatusCommand : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(WriteFileAtomically(folder_.File("servers.txt"), "web01\nweb02\n", 0644).ok());
    auto writer = db::Writer::Open(folder_.File("fleet.db"));
    ASSERT_TRUE(writer.ok()) << writer.status();
    writer_ = *std::move(writer);
    Report(1);
  }
  void TearDown() override {
    if (terminal_ >= 0) close(terminal_);
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
  }

  void Report(uint64_t sequence) {
    db::Report report = db::ReportOf("web01", sequence);
    report.received = report.host_time = ReadClocks().system;
    const db::Arrival arrival{.host = "web01", .agent_version = "1", .at = report.received};
    const auto stored = writer_->Append({&arrival, 1}, {&report, 1});
    ASSERT_TRUE(stored.ok()) << stored.status();
  }

  int Run(std::vector<std::string> words) const {
    words.insert(words.begin(),
                 {"-i", folder_.File("servers.txt"), "--db", folder_.File("fleet.db")});
    std::reverse(words.begin(), words.end());  // as CLI11 takes them
    Context context;
    context.stop = &stop_requested;
    context.color = true;
    Action action;
    const std::unique_ptr<CLI::App> app = MakeApp(context, action);
    app->parse(words);
    return action(context);
  }

  void Start(const std::vector<std::string>& words) {
    winsize size{.ws_row = 20, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    child_ = forkpty(&terminal_, nullptr, nullptr, &size);
    ASSERT_GE(child_, 0);
    if (child_ != 0) return;
    setenv("LC_ALL", "C.UTF-8", 1);  // NOLINT(concurrency-mt-unsafe): the child's one thread
    signal(SIGINT, OnStop);
    signal(SIGTERM, OnStop);
    _exit(Run(words));
  }

  // What the terminal gets until `text` is among it; fails the test after ten seconds.
  std::string ReadUntil(const std::string& text) {
    std::string seen;
    const MonoTime deadline = ReadClocks().mono + std::chrono::seconds(10);
    while (seen.find(text) == std::string::npos && ReadClocks().mono < deadline) {
      pollfd fd{.fd = terminal_, .events = POLLIN, .revents = 0};
      if (poll(&fd, 1, 1000) <= 0) continue;
      std::array<char, 4096> bytes{};
      const ssize_t n = read(terminal_, bytes.data(), bytes.size());
      if (n <= 0) break;  // the child has gone
      seen.append(bytes.data(), static_cast<size_t>(n));
    }
    EXPECT_THAT(seen, HasSubstr(text));
    return seen;
  }

  void Type(const std::string& bytes) const {
    ASSERT_EQ(write(terminal_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

  int WaitForExit() {
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    return status;
  }

  bool Echoes() const {
    termios modes{};
    tcgetattr(terminal_, &modes);
    return (modes.c_lflag & ECHO) != 0;
  }

  TemporaryFolder folder_;
  std::unique_ptr<db::Writer> writer_;
  int terminal_ = -1;
  pid_t child_ = -1;
};

constexpr const char* kEnterScreen = "\x1b[?1049h";
constexpr const char* kLeaveScreen = "\x1b[?1049l";

TEST_F(StatusCommand, OnAPipeTheTableHasEveryColumn) {
  testing::internal::CaptureStdout();
  const int code = Run({"status"});
  const std::string text = testing::internal::GetCapturedStdout();
  EXPECT_THAT(text, HasSubstr("1 of 2 hosts within 10.0 ms"));
  EXPECT_THAT(text, HasSubstr("FREQ ppm"));
  EXPECT_EQ(code, 1) << "web02 is silent";
}

TEST_F(StatusCommand, WatchesUntilQAndPutsTheTerminalBack) {
  Start({"status", "--watch", "200ms"});
  const std::string first = ReadUntil("web01");
  EXPECT_THAT(first, HasSubstr(kEnterScreen));
  EXPECT_FALSE(Echoes());
  Type("/web02\r");
  ReadUntil("name: web02");
  Type("q");
  EXPECT_THAT(ReadUntil(kLeaveScreen), HasSubstr("\x1b[?25h"));
  const int status = WaitForExit();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_TRUE(Echoes());
}

TEST_F(StatusCommand, ANewReportIsSeenAndCostsLittle) {
  Start({"status", "--watch", "200ms"});
  ReadUntil("+1.00 us");
  Report(700);
  const std::string changed = ReadUntil("+7");  // of +700 us
  EXPECT_THAT(changed, Not(HasSubstr("\x1b[2J"))) << "not all of it again";
  EXPECT_LT(changed.size(), 600u) << changed;
  RecordProperty("bytes", static_cast<int>(changed.size()));
}

TEST_F(StatusCommand, AnotherSizeIsDrawnAnew) {
  Start({"status", "--watch", "200ms"});
  ReadUntil("web01");
  const winsize size{.ws_row = 30, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(ioctl(terminal_, TIOCSWINSZ, &size), 0);  // tells the child by SIGWINCH
  EXPECT_THAT(ReadUntil("\x1b[30;1H"), HasSubstr("\x1b[2J"));
}

TEST_F(StatusCommand, SignalsPutTheTerminalBackToo) {
  for (const int number : {SIGINT, SIGTERM, SIGSEGV, SIGHUP}) {
    Start({"status", "--watch", "200ms"});
    ReadUntil("web01");
    ASSERT_EQ(kill(child_, number), 0);
    ReadUntil(kLeaveScreen);
    const int status = WaitForExit();
    if (number == SIGINT || number == SIGTERM) {
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 130) << number;
    } else {
      EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == number) << number;
    }
    EXPECT_TRUE(Echoes()) << number;
    close(terminal_);
    terminal_ = -1;
  }
}

TEST_F(StatusCommand, WatchingNeedsATerminal) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(Run({"status", "--watch", "-o", "json"}), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("--watch draws on a terminal"));
}

TEST_F(StatusCommand, HistoryOfAHostToFiles) {
  EXPECT_EQ(
      Run({"history", "web01", "--since", "1h", "--until", "2030-01-01", "--csv",
           folder_.File("h.csv"), "--svg", folder_.File("h.svg"), "--png", folder_.File("h.png")}),
      0);
  EXPECT_THAT(*ReadFile(folder_.File("h.csv"), 1 << 20), HasSubstr("\nweb01,"));
  EXPECT_THAT(*ReadFile(folder_.File("h.svg"), 1 << 20), HasSubstr("<svg"));
  EXPECT_THAT(*ReadFile(folder_.File("h.png"), 1 << 20), HasSubstr("IEND"));
  testing::internal::CaptureStderr();
  EXPECT_EQ(Run({"history", "web02"}), 1);
  EXPECT_EQ(Run({"history", "web01", "--since", "yesterday"}), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("'yesterday' is no time"));
}

}  // namespace
}  // namespace fleetsync::cli
