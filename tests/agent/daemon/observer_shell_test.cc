#include "agent/daemon/observer_shell.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/agent/observe/recording.h"

namespace fleetsync::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

// What a recorded chronyd answered, given again on a socket of its own.
class RecordedChronyd {
 public:
  explicit RecordedChronyd(const std::string& path)
      : recording_(observe::Recording("chrony-4.3-unix.hex")) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  RecordedChronyd(const RecordedChronyd&) = delete;
  RecordedChronyd& operator=(const RecordedChronyd&) = delete;
  ~RecordedChronyd() { close(fd_); }

  void Answer() {
    std::array<std::byte, 2048> buffer;
    sockaddr_un from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got <= 0 || next_ >= recording_.size()) return;
    const auto answer = observe::Answering(std::span(buffer).first(static_cast<size_t>(got)),
                                           recording_[next_++], observe::kChronySequence);
    EXPECT_EQ(static_cast<size_t>(got), answer.size()) << "requests are as long as answers";
    sendto(fd_, answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
  }
  void StartAgain() { next_ = 0; }

 private:
  int fd_ = -1;
  std::vector<observe::Datagram> recording_;
  size_t next_ = 0;
};

class ObserverShellTest : public ::testing::Test {
 protected:
  ~ObserverShellTest() override { std::filesystem::remove_all(folder_); }

  static std::string MakeFolder() {
    std::string name = ::testing::TempDir() + "observer.XXXXXX";
    return mkdtemp(name.data());
  }
  void Process(const std::string& pid, const std::string& comm) const {
    const std::string process = folder_ + "/proc/" + pid;
    std::filesystem::create_directories(process + "/ns");
    std::filesystem::create_symlink("pid:[1]", process + "/ns/pid");
    std::ofstream(process + "/comm") << comm << '\n';
    std::ofstream(process + "/cmdline") << comm;
  }
  // Ports where nobody listens: nobody may bind them but root, and nobody does.
  ObserverConfig Config(observe::Kind kind) {
    return {.kind = kind,
            .seed = 7,
            .log = [this](const std::string& line) { log_.push_back(line); },
            .proc = folder_ + "/proc",
            .chrony_socket = folder_ + "/chronyd.sock",
            .chrony_port = 1,
            .ntp_port = 1};
  }
  // Carries one round on until it ends.
  void Round(ObserverShell& observer, RecordedChronyd* chronyd = nullptr) {
    now_.mono += seconds(10);
    observer.Begin(now_);
    while (observer.busy()) {
      if (chronyd != nullptr) chronyd->Answer();
      pollfd ready{observer.fd(), POLLIN, 0};
      if (poll(&ready, 1, 0) > 0) {
        observer.OnReadable(now_);
      } else {
        now_.mono = std::max(now_.mono, observer.NextTimer());
        observer.OnTimer(now_);
      }
    }
  }

  std::string folder_ = MakeFolder();
  std::vector<std::string> log_;
  Now now_{.mono = MonoTime(seconds(1000)), .system = SystemTime(seconds(1'800'000'000))};
};

TEST_F(ObserverShellTest, AsksChronydOverItsSocketAndLeavesNothingBehind) {
  RecordedChronyd chronyd(folder_ + "/chronyd.sock");
  ObserverShell observer(Config(observe::Kind::kChrony));
  for (int i = 0; i < 2; ++i) {
    chronyd.StartAgain();
    Round(observer, &chronyd);
    EXPECT_TRUE(observer.state().answered);
    EXPECT_EQ(observer.state().daemon, "chrony");
    EXPECT_EQ(observer.state().sources.size(), 4U);
  }
  EXPECT_THAT(log_, ElementsAre());
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    EXPECT_EQ(entry.path().filename(), "chronyd.sock");
}

TEST_F(ObserverShellTest, AutoFindsADaemonThatStartsAndNoticesThatItStopped) {
  Process("self", "fleetsync-agent");
  ObserverShell observer(Config(observe::Kind::kAuto));
  Round(observer);
  EXPECT_EQ(observer.state().daemon, "");
  RecordedChronyd chronyd(folder_ + "/chronyd.sock");
  Process("77", "chronyd");
  Round(observer, &chronyd);
  EXPECT_EQ(observer.state().daemon, "chrony");
  EXPECT_TRUE(observer.state().answered);
  std::filesystem::remove_all(folder_ + "/proc/77");
  Round(observer, &chronyd);
  EXPECT_EQ(observer.state().daemon, "");
  EXPECT_FALSE(observer.state().answered);
  EXPECT_TRUE(observer.state().sources.empty());
}

TEST_F(ObserverShellTest, ASilentDaemonIsToldOnce) {
  ObserverShell observer(Config(observe::Kind::kNtp));
  Round(observer);
  Round(observer);
  EXPECT_EQ(observer.state().daemon, "ntp");
  EXPECT_FALSE(observer.state().answered);
  EXPECT_THAT(log_, ElementsAre("ntp runs and does not answer: asking the daemon: Connection "
                                "refused"));
}

TEST_F(ObserverShellTest, AProgramThatCannotBeAskedIsNamed) {
  Process("self", "fleetsync-agent");
  Process("5", "phc2sys");
  ObserverShell observer(Config(observe::Kind::kAuto));
  Round(observer);
  EXPECT_EQ(observer.state().daemon, "phc2sys");
  EXPECT_FALSE(observer.state().answered);
}

}  // namespace
}  // namespace fleetsync::daemon
