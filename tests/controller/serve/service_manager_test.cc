#include "controller/serve/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::serve {
namespace {

TEST(ServiceManager, IsToldThroughItsSocket) {
  const TemporaryFolder folder;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder.File("notify");
  memcpy(address.sun_path, path.c_str(), path.size());
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);

  const Status status = NotifyServiceManager("READY=1");
  EXPECT_TRUE(status.ok()) << status;
  std::array<char, 64> text{};
  const ssize_t n = recv(fd, text.data(), text.size(), MSG_DONTWAIT);
  EXPECT_EQ(std::string(text.data(), n > 0 ? static_cast<size_t>(n) : 0), "READY=1");
  unsetenv("NOTIFY_SOCKET");
  close(fd);
}

TEST(ServiceManager, NobodyThereIsNoError) {
  unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(NotifyServiceManager("READY=1").ok());
}

TEST(ServiceManager, ASocketThatIsGoneIsSaidSo) {
  setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
  EXPECT_EQ(Message(NotifyServiceManager("READY=1")),
            "telling the service manager: No such file or directory");
  unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace fleetsync::serve
