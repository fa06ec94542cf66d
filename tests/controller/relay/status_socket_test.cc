#include "controller/relay/status_socket.h"

#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "fmt/format.h"
#include "gtest/gtest.h"

namespace fleetsync::relay {
namespace {

class StatusSocketTest : public testing::Test {
 protected:
  StatusSocketTest() { std::filesystem::create_directories(folder_); }
  ~StatusSocketTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_ = fmt::format("{}relay-{}", testing::TempDir(), getpid());
  std::string path_ = folder_ + "/a/relay.sock";
};

TEST_F(StatusSocketTest, GivesItsTextToWhoeverConnects) {
  auto socket = StatusSocket::Listen(path_);
  ASSERT_TRUE(socket.ok()) << Message(socket.status());
  const std::string text(50'000, 'x');
  std::thread server([&] {
    pollfd readable{socket->fd(), POLLIN, 0};
    poll(&readable, 1, 5000);
    socket->Answer([&] { return text; });
  });
  const auto answer = AskStatus(path_);
  server.join();
  ASSERT_TRUE(answer.ok()) << Message(answer.status());
  EXPECT_EQ(*answer, text);
}

TEST_F(StatusSocketTest, WhereNobodyListensIsTold) {
  EXPECT_EQ(Message(AskStatus(path_).status()), "no relay runs behind " + path_);
}

TEST_F(StatusSocketTest, ASecondOneIsRefusedAndOneThatWasLeftBehindReplaced) {
  {
    const auto first = StatusSocket::Listen(path_);
    ASSERT_TRUE(first.ok());
    EXPECT_TRUE(absl::IsFailedPrecondition(StatusSocket::Listen(path_).status()));
    std::filesystem::create_hard_link(path_, path_ + ".left");
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
  std::filesystem::rename(path_ + ".left", path_);
  EXPECT_TRUE(StatusSocket::Listen(path_).ok());
}

TEST_F(StatusSocketTest, AFileThatIsNoSocketIsLeftAlone) {
  std::filesystem::create_directories(path_);
  EXPECT_FALSE(StatusSocket::Listen(path_).ok());
  EXPECT_TRUE(std::filesystem::is_directory(path_));
}

}  // namespace
}  // namespace fleetsync::relay
