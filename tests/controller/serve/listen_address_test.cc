#include "controller/serve/listen_address.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::serve {
namespace {

TEST(ListenAddress, ReadsBothFamilies) {
  struct Case {
    const char* text;
    const char* host;
    int port;
    bool loopback;
  };
  for (const Case& c :
       {Case{"127.0.0.1:7312", "127.0.0.1", 7312, true}, Case{"127.9.9.9:0", "127.9.9.9", 0, true},
        Case{"[::1]:7312", "::1", 7312, true}, Case{"0.0.0.0:7312", "0.0.0.0", 7312, false},
        Case{"198.18.0.254:65535", "198.18.0.254", 65535, false},
        Case{"[fd00::1]:80", "fd00::1", 80, false}}) {
    const StatusOr<ListenAddress> address = ParseListenAddress(c.text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->host, c.host);
    EXPECT_EQ(address->port, c.port);
    EXPECT_EQ(address->loopback, c.loopback) << c.text;
    EXPECT_EQ(address->ToString(), c.text);
  }
}

TEST(ListenAddress, SaysWhatToWriteInstead) {
  EXPECT_EQ(Message(ParseListenAddress("localhost:7312").status()),
            "'localhost:7312' is not an address to listen on; write ADDRESS:PORT with a numeric "
            "address, such as 127.0.0.1:7312 or [::1]:7312");
  for (const char* text : {"", ":", "7312", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                           "127.0.0.1:-1", "127.0.0.1:1x", "::1:7312", "[127.0.0.1]:1", "[]:1"})
    EXPECT_TRUE(absl::IsInvalidArgument(ParseListenAddress(text).status())) << text;
}

TEST(ListenAddress, SaysWhyAServerCouldNotListen) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in taken{};
  taken.sin_family = AF_INET;
  taken.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof taken;
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&taken), size), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  getsockname(fd, reinterpret_cast<sockaddr*>(&taken), &size);

  const ListenAddress address{.host = "127.0.0.1", .port = ntohs(taken.sin_port), .loopback = true};
  EXPECT_EQ(Message(CheckFree(address)),
            "listening on " + address.ToString() + ": Address already in use");
  close(fd);
  EXPECT_TRUE(CheckFree(address).ok());
  EXPECT_TRUE(CheckFree({.host = "::1", .port = 0, .loopback = true}).ok());
}

TEST(PlainTextPort, NeedsItsFlagAndTheNetworkAnother) {
  const ListenAddress loopback{.host = "127.0.0.1", .port = 7312, .loopback = true};
  const ListenAddress network{.host = "198.18.0.254", .port = 7312, .loopback = false};
  EXPECT_EQ(
      Message(CheckPlainText(loopback, {})),
      "--insecure-network says where plain text may be heard; --insecure asks for plain text");
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckPlainText(loopback, {.insecure_network = true})));
  EXPECT_TRUE(CheckPlainText(loopback, {.insecure = true}).ok());
  EXPECT_EQ(Message(CheckPlainText(network, {.insecure = true})),
            "198.18.0.254:7312 can be reached from other machines, and without TLS whoever reaches "
            "it can report for any host; listen on 127.0.0.1, or accept that on a closed network "
            "with --insecure-network");
  EXPECT_TRUE(CheckPlainText(network, {.insecure = true, .insecure_network = true}).ok());
}

}  // namespace
}  // namespace fleetsync::serve
