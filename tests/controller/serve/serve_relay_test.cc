// `fleetsync serve --relay`: the service and a time server in one process.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

#include "base/clock_read.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::serve {
namespace {

using testing::HasSubstr;
using testing::Not;

// `fleetsync serve` with an inventory of one host, on ports of the kernel's choice.
class ServeRelayTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string inventory = folder_.File("fleet.yaml"), log = folder_.File("log");
    ASSERT_TRUE(WriteFileAtomically(inventory, "hosts:\n  web01: {}\n", 0600).ok());
    std::array<std::string, 20> words = {FLEETSYNC,
                                         "-i",
                                         inventory,
                                         "--db",
                                         folder_.File("fleet.db"),
                                         "serve",
                                         "--insecure",
                                         "--listen",
                                         "127.0.0.1:0",
                                         "--port-file",
                                         folder_.File("port"),
                                         "--relay",
                                         "--relay-listen",
                                         "127.0.0.1",
                                         "--relay-port",
                                         "0",
                                         "--relay-status-socket",
                                         folder_.File("relay.sock"),
                                         "--relay-allow",
                                         "127.0.0.0/8"};
    std::array<char*, words.size() + 1> argv{};
    for (size_t i = 0; i < words.size(); ++i) argv[i] = words[i].data();
    pid_ = vfork();
    if (pid_ == 0) {
      dup2(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
  }
  void TearDown() override {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  std::string Log() { return ReadFile(folder_.File("log"), 1 << 20).value_or(""); }
  // The number behind `text` in the log, once it is there; 0: it never is.
  uint16_t AwaitNumberAfter(const std::string& text) {
    const MonoTime end = ReadClocks().mono + std::chrono::seconds(20);
    for (;;) {
      const std::string log = Log();
      const size_t at = log.find(text);
      if (at != std::string::npos && log.find('\n', at) != std::string::npos)
        return static_cast<uint16_t>(std::atoi(log.c_str() + at + text.size()));
      if (ReadClocks().mono > end) return 0;
      poll(nullptr, 0, 5);
    }
  }

  const TemporaryFolder folder_;
  pid_t pid_ = -1;
};

// A client's request (RFC 5905) and what comes of it; empty: nothing in time.
std::string AskForTime(uint16_t port, const std::string& transmit) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  std::string request(48, '\0');
  request[0] = 0x23;  // version 4, client
  request.replace(40, 8, transmit);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
      send(fd, request.data(), request.size(), 0) == 48) {
    pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
    std::array<char, 128> bytes{};
    if (poll(&readable, 1, 20'000) == 1)
      answer.assign(bytes.data(), static_cast<size_t>(std::max<ssize_t>(
                                      recv(fd, bytes.data(), bytes.size(), 0), 0)));
  }
  close(fd);
  return answer;
}

TEST_F(ServeRelayTest, ServesTimeBesideReportsAndStopsCleanly) {
  const uint16_t port = AwaitNumberAfter("serving time on 127.0.0.1 port ");
  ASSERT_NE(port, 0) << Log();
  ASSERT_NE(AwaitNumberAfter("taking reports of "), 0) << Log();
  const std::string transmit = "only.me!";
  const std::string answer = AskForTime(port, transmit);
  ASSERT_EQ(answer.size(), 48u) << Log();
  EXPECT_EQ(answer[0] & 7, 4) << "a server's";
  EXPECT_EQ(answer.substr(24, 8), transmit) << "the origin";
  EXPECT_EQ(access(folder_.File("relay.sock").c_str(), F_OK), 0);

  kill(pid_, SIGTERM);
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_THAT(Log(), HasSubstr("stopping"));
  EXPECT_THAT(Log(), Not(HasSubstr("error")));
  EXPECT_NE(access(folder_.File("relay.sock").c_str(), F_OK), 0) << "left behind";
  EXPECT_EQ(AskForTime(port, transmit), "") << "nobody answers there any more";
}

}  // namespace
}  // namespace fleetsync::serve
