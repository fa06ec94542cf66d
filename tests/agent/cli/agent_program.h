#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "agent/net/address_text.h"
#include "agent/serve/ask_server.h"
#include "base/clock_read.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/ntp/key_file.h"
#include "proto/ntp/mac.h"
#include "proto/ntp/packet.h"
#include "tests/agent/report/fake_controller.h"

namespace fleetsync::agent {

// Answers as a stratum 1 server whose clock is `ahead` of this machine's.
class TimeServer {
 public:
  // With `keys` it answers with a MAC of key 7.
  explicit TimeServer(Duration ahead, std::optional<ntp::Authenticator> keys = std::nullopt)
      : ahead_(ahead), keys_(std::move(keys)), fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const net::SocketAddress any = net::ToSocketAddress(*net::ParseNumericAddress("127.0.0.1", 0));
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&any.storage), any.size), 0);
    EXPECT_EQ(pipe(stop_), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~TimeServer() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
    close(fd_);
  }
  int port() const {
    sockaddr_in in{};
    socklen_t size = sizeof in;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&in), &size);
    return ntohs(in.sin_port);
  }

 private:
  void Serve() {
    for (;;) {
      pollfd fds[] = {{fd_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
      if (poll(fds, 2, -1) < 0 || fds[1].revents != 0) return;
      std::array<std::byte, 1000> wire;
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const ssize_t n =
          recvfrom(fd_, wire.data(), wire.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      const ntp::Timestamp now = ntp::ToTimestamp(ReadClocks().system + ahead_);
      const ntp::Decoded request = ntp::Decode(std::span(wire).first(static_cast<size_t>(n)));
      const ntp::Packet answer{.leap = ntp::Leap::kNone,
                               .mode = ntp::Mode::kServer,
                               .stratum = 1,
                               .origin = request.packet.transmit,
                               .receive = now,
                               .transmit = now};
      ntp::Encode(answer, std::span(wire).first<ntp::kHeaderSize>());
      const std::span whole(wire);
      const size_t mac =
          keys_ ? keys_->Append(7, whole.first(ntp::kHeaderSize), whole.subspan(ntp::kHeaderSize))
                : 0;
      sendto(fd_, wire.data(), ntp::kHeaderSize + mac, 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  Duration ahead_;
  std::optional<ntp::Authenticator> keys_;
  int fd_;
  int stop_[2] = {-1, -1};
  std::thread thread_;
};

class AgentProgram : public ::testing::Test {
 protected:
  AgentProgram() {
    std::string name = ::testing::TempDir() + "agent.XXXXXX";
    folder_ = mkdtemp(name.data());
    // The reporter runs as another user, who must be able to read the spool.
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
  }
  ~AgentProgram() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  void Start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), FLEETSYNC_AGENT);
    std::vector<char*> argv;
    for (std::string& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    // Whatever a test asks for, the clock of the machine that builds is not touched.
    prctl(PR_CAPBSET_DROP, CAP_SYS_TIME);
    const int out = open((folder_ + "/out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const int err = open((folder_ + "/err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int Wait() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int RunToEnd(std::vector<std::string> arguments) {
    Start(std::move(arguments));
    return Wait();
  }
  int Stop() {
    kill(pid_, SIGTERM);
    return Wait();
  }
  std::string Out() const { return *ReadFile(folder_ + "/out", 1 << 20); }
  std::string Err() const { return *ReadFile(folder_ + "/err", 1 << 20); }
  std::string Config(const std::string& text) {
    const std::string path = folder_ + "/agent.conf";
    std::ofstream(path) << text;
    return path;
  }
  std::string Reporting(const TimeServer& server, const report::FakeController& controller) {
    return Config(
        fmt::format("host web01\n"
                    "no-clock-control\nobserve none\n"
                    "server 127.0.0.1 port {} iburst minpoll 0\n"
                    "controller {}\n"
                    "insecure-controller\n"
                    "report-interval 1s\n"
                    "state-dir {}/state\n",
                    server.port(), controller.address(), folder_));
  }
  std::set<pid_t> Children() const {
    std::ifstream file(fmt::format("/proc/{}/task/{}/children", pid_, pid_));
    return {std::istream_iterator<pid_t>(file), {}};
  }

  void WaitFor(const std::string& text) {
    const MonoTime end = ReadClocks().mono + std::chrono::seconds(60);
    while (!std::filesystem::exists(folder_ + "/err") || Err().find(text) == std::string::npos) {
      ASSERT_LT(ReadClocks().mono, end) << "it does not say \"" << text << "\": " << Err();
      if (waitpid(pid_, nullptr, WNOHANG) == 0) {
        std::this_thread::yield();
        continue;
      }
      pid_ = -1;
      FAIL() << "it ended instead of saying \"" << text << "\": " << Err();
    }
  }
  size_t Threads() const {
    const std::filesystem::directory_iterator tasks(fmt::format("/proc/{}/task", pid_));
    return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
  }

  std::string folder_;
  pid_t pid_ = -1;
};

// Of 127.0.0.1, as the kernel chooses one; it chooses the same again only after many others.
inline uint16_t FreePort() { return static_cast<uint16_t>(TimeServer(Duration(0)).port()); }

}  // namespace fleetsync::agent
