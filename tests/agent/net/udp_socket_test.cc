#include "agent/net/udp_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "agent/net/address_text.h"
#include "base/clock_read.h"
#include "gtest/gtest.h"

namespace fleetsync::net {
namespace {

// A bound socket of the other side, on a port of the kernel's choice.
class Peer {
 public:
  Peer() : fd_(socket(AF_INET, SOCK_DGRAM, 0)) {
    const SocketAddress any = ToSocketAddress(*ParseNumericAddress("127.0.0.1", 0));
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&any.storage), any.size), 0);
  }
  ~Peer() {
    if (fd_ >= 0) close(fd_);
  }
  ntp::Address address() const {
    sockaddr_in in{};
    socklen_t size = sizeof in;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&in), &size);
    return *ParseNumericAddress("127.0.0.1", ntohs(in.sin_port));
  }
  void Echo(size_t longer = 0) {
    std::array<char, 4096> buffer{};
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t n =
        recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    ASSERT_GT(n, 0);
    sendto(fd_, buffer.data(), static_cast<size_t>(n) + longer, 0,
           reinterpret_cast<sockaddr*>(&from), size);
  }
  void Close() { close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

// Until there is something but stamps of what was sent.
void WaitFor(UdpSocket& socket) {
  pollfd fd{socket.fd(), POLLIN, 0};
  do {
    ASSERT_EQ(poll(&fd, 1, 10'000), 1);
  } while (socket.ReceiveSentStamp());
}

TEST(UdpSocket, AnAnswerCarriesTheKernelsTime) {
  Peer peer;
  auto socket = UdpSocket::Connect(peer.address());
  ASSERT_TRUE(socket.ok());
  const std::array<std::byte, 48> request{};
  const SystemTime before = ReadClocks().system;
  ASSERT_TRUE(socket->Send(request).ok());
  peer.Echo();
  WaitFor(*socket);
  std::array<std::byte, 100> buffer{};
  const auto datagram = socket->Receive(buffer);
  ASSERT_TRUE(datagram.ok() && datagram->has_value());
  EXPECT_EQ((*datagram)->size, 48u);
  ASSERT_TRUE((*datagram)->stamp.has_value());
  EXPECT_GE(*(*datagram)->stamp, before);
  EXPECT_LE(*(*datagram)->stamp, ReadClocks().system);
}

TEST(UdpSocket, TheKernelTellsWhenARequestLeft) {
  Peer peer;
  auto socket = UdpSocket::Connect(peer.address());
  ASSERT_TRUE(socket.ok());
  const std::array<std::byte, 48> request{};
  const SystemTime before = ReadClocks().system;
  ASSERT_TRUE(socket->Send(request).ok());
  pollfd fd{socket->fd(), POLLIN, 0};
  ASSERT_EQ(poll(&fd, 1, 10'000), 1);
  EXPECT_EQ(fd.revents, POLLERR);
  const auto stamp = socket->ReceiveSentStamp();
  ASSERT_TRUE(stamp.has_value());
  EXPECT_GE(*stamp, before);
  EXPECT_LE(*stamp, ReadClocks().system);
  EXPECT_EQ(poll(&fd, 1, 0), 0) << "it is read";
  EXPECT_EQ(socket->ReceiveSentStamp(), std::nullopt);
}

TEST(UdpSocket, ToldToLeaveTheStampsToTheCallerItDoes) {
  Peer peer;
  auto socket = UdpSocket::Connect(peer.address(), Timestamping::kUser);
  ASSERT_TRUE(socket.ok());
  const std::array<std::byte, 48> request{};
  ASSERT_TRUE(socket->Send(request).ok());
  peer.Echo();
  WaitFor(*socket);
  EXPECT_EQ(socket->ReceiveSentStamp(), std::nullopt);
  std::array<std::byte, 100> buffer{};
  const auto datagram = socket->Receive(buffer);
  ASSERT_TRUE(datagram.ok() && datagram->has_value());
  EXPECT_EQ((*datagram)->stamp, std::nullopt);
}

TEST(UdpSocket, NothingThereIsNoError) {
  Peer peer;
  auto socket = UdpSocket::Connect(peer.address());
  ASSERT_TRUE(socket.ok());
  std::array<std::byte, 100> buffer{};
  const auto datagram = socket->Receive(buffer);
  ASSERT_TRUE(datagram.ok());
  EXPECT_FALSE(datagram->has_value());
}

TEST(UdpSocket, AnAnswerLargerThanTheBufferIsDropped) {
  Peer peer;
  auto socket = UdpSocket::Connect(peer.address());
  ASSERT_TRUE(socket.ok());
  const std::array<std::byte, 48> request{};
  ASSERT_TRUE(socket->Send(request).ok());
  peer.Echo(1000);
  WaitFor(*socket);
  std::array<std::byte, 100> buffer{};
  const auto datagram = socket->Receive(buffer);
  ASSERT_TRUE(datagram.ok());
  EXPECT_FALSE(datagram->has_value());
}

TEST(UdpSocket, APortWhereNobodyListensIsAnError) {
  Peer peer;
  auto socket = UdpSocket::Connect(peer.address());
  ASSERT_TRUE(socket.ok());
  peer.Close();
  const std::array<std::byte, 48> request{};
  ASSERT_TRUE(socket->Send(request).ok());
  WaitFor(*socket);
  std::array<std::byte, 100> buffer{};
  EXPECT_EQ(Message(socket->Receive(buffer).status()), "receiving an answer: Connection refused");
}

}  // namespace
}  // namespace fleetsync::net
