#include "agent/net/udp_server_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "agent/net/address_text.h"
#include "agent/net/udp_socket.h"
#include "base/clock_read.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::net {
namespace {

using ::testing::HasSubstr;

ntp::Address At(const std::string& text, uint16_t port) { return *ParseNumericAddress(text, port); }

UdpServerSocket ListenOn(const std::string& text) {
  auto sockets = UdpServerSocket::Listen(At(text, 0), 1, {});
  EXPECT_TRUE(sockets.ok()) << Message(sockets.status());
  return std::move(sockets->front());
}

UdpSocket AskFrom(const std::string& server, uint16_t port, size_t size) {
  auto client = UdpSocket::Connect(At(server, port));
  EXPECT_TRUE(client.ok());
  const std::vector<std::byte> request(size, std::byte{7});
  EXPECT_TRUE(client->Send(request).ok());
  return *std::move(client);
}

void SendFrom(const std::string& own, uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const SocketAddress from = ToSocketAddress(At(own, 0));
  const SocketAddress to = ToSocketAddress(At("127.0.0.1", port));
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&from.storage), from.size), 0);
  EXPECT_EQ(sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&to.storage), to.size), 1);
  close(fd);
}

// The size of the answer that comes; a client is connected, so it comes from the address asked.
size_t AnswerTo(UdpSocket& client) {
  pollfd fd{client.fd(), POLLIN, 0};
  if (poll(&fd, 1, 5'000) != 1) return 0;
  std::array<std::byte, 2048> buffer{};
  const auto datagram = client.Receive(buffer);
  return datagram.ok() && *datagram ? (*datagram)->size : 0;
}

// Answers what is there with half of its bytes; how many there were.
size_t Serve(UdpServerSocket& server) {
  const size_t count = server.Receive();
  for (size_t i = 0; i < count; ++i) {
    const auto incoming = server.At(i);
    if (!incoming) continue;
    std::copy_n(incoming->bytes.begin(), incoming->bytes.size() / 2, server.ReplyBuffer(i).begin());
    server.Reply(i, incoming->bytes.size() / 2);
  }
  server.Flush();
  return count;
}

TEST(UdpServerSocket, AnswersCarryTheAddressThatWasAskedAndRequestsTheKernelsTime) {
  for (const char* const listen : {"127.0.0.1", "0.0.0.0", "::1", "::"}) {
    const bool ipv4 = std::string(listen).find(':') == std::string::npos;
    const bool any = std::string(listen) == "0.0.0.0";
    UdpServerSocket server = ListenOn(listen);
    const SystemTime before = ReadClocks().system;
    UdpSocket client = AskFrom(any ? "127.3.2.1" : ipv4 ? listen : "::1", server.port(), 96);
    ASSERT_EQ(server.Receive(), 1u) << listen;
    const auto incoming = server.At(0);
    ASSERT_TRUE(incoming.has_value());
    EXPECT_EQ(incoming->bytes.size(), 96u);
    EXPECT_EQ(incoming->bytes[95], std::byte{7});
    ASSERT_TRUE(incoming->stamp.has_value());
    EXPECT_GE(*incoming->stamp, before);
    EXPECT_LE(*incoming->stamp, ReadClocks().system);
    server.Reply(0, 48);
    EXPECT_EQ(server.Flush(), 1u);
    EXPECT_EQ(AnswerTo(client), 48u) << listen;
  }
}

TEST(UdpServerSocket, ABatchIsAnsweredEachToItsOwnClient) {
  UdpServerSocket server = ListenOn("127.0.0.1");
  std::vector<UdpSocket> clients;
  for (size_t i = 0; i < UdpServerSocket::kBatch + 5; ++i) {
    clients.push_back(AskFrom("127.0.0.1", server.port(), 2 * (i + 1)));
  }
  EXPECT_EQ(Serve(server), UdpServerSocket::kBatch);
  EXPECT_EQ(Serve(server), 5u);
  for (size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(AnswerTo(clients[i]), i + 1);
}

TEST(UdpServerSocket, WhatIsTooLongIsNothing) {
  UdpServerSocket server = ListenOn("127.0.0.1");
  AskFrom("127.0.0.1", server.port(), UdpServerSocket::kLargestRequest);
  AskFrom("127.0.0.1", server.port(), UdpServerSocket::kLargestRequest + 1);
  ASSERT_EQ(server.Receive(), 2u);
  EXPECT_TRUE(server.At(0).has_value());
  EXPECT_FALSE(server.At(1).has_value());
}

TEST(UdpServerSocket, WaitingEnds) {
  auto sockets =
      UdpServerSocket::Listen(At("127.0.0.1", 0), 1, {.wait = std::chrono::milliseconds(20)});
  ASSERT_TRUE(sockets.ok());
  EXPECT_EQ(sockets->front().Receive(), 0u);
}

TEST(UdpServerSocket, AnotherThreadEndsTheWait) {
  UdpServerSocket server = ListenOn("127.0.0.1");
  std::atomic<bool> ended{false};
  std::thread waiting([&] {
    server.Receive();
    ended = true;
  });
  while (!ended) {  // whether it waits already or not yet
    server.Interrupt();
    std::this_thread::yield();
  }
  waiting.join();
  server.Receive();
}

TEST(UdpServerSocket, TheBufferIsAsLargeAsAsked) {
  // Beyond the system's limit with CAP_NET_ADMIN alone.
  const size_t least = geteuid() == 0 ? size_t{4} << 20 : 4096;
  EXPECT_GE(ListenOn("127.0.0.1").receive_buffer(), least);
}

TEST(UdpServerSocket, WhatFindsTheBufferFullIsCounted) {
  auto sockets = UdpServerSocket::Listen(At("127.0.0.1", 0), 1, {.receive_buffer = 4096});
  ASSERT_TRUE(sockets.ok());
  EXPECT_EQ(sockets->front().dropped(), 0u);
  for (int i = 0; i < 100; ++i) AskFrom("127.0.0.1", sockets->front().port(), 1000);
  EXPECT_GT(sockets->front().dropped(), 50u);
}

TEST(UdpServerSocket, AllRequestsOfAClientReachOneWorker) {
  for (const char* const listen : {"127.0.0.1", "::1"}) {
    auto workers =
        UdpServerSocket::Listen(At(listen, 0), 3, {.wait = std::chrono::milliseconds(10)});
    ASSERT_TRUE(workers.ok()) << Message(workers.status());
    for (int i = 0; i < 12; ++i) AskFrom(listen, workers->front().port(), 48);
    std::multiset<size_t> counts;
    for (UdpServerSocket& worker : *workers) counts.insert(worker.Receive());
    EXPECT_EQ(counts, (std::multiset<size_t>{0, 0, 12})) << listen;
  }
}

TEST(UdpServerSocket, ClientsSpreadOverTheWorkers) {
  auto workers =
      UdpServerSocket::Listen(At("0.0.0.0", 0), 2, {.wait = std::chrono::milliseconds(10)});
  ASSERT_TRUE(workers.ok());
  for (int i = 1; i <= 12; ++i) {
    SendFrom(fmt::format("127.0.0.{}", i), workers->front().port());
  }
  for (UdpServerSocket& worker : *workers) EXPECT_GE(worker.Receive(), 2u);
}

TEST(UdpServerSocket, APortThatIsTakenIsToldWithItsOwner) {
  UdpServerSocket first = ListenOn("127.0.0.1");
  for (const size_t count : {1, 2}) {
    const auto second = UdpServerSocket::Listen(At("127.0.0.1", first.port()), count, {});
    EXPECT_EQ(Message(second.status()),
              fmt::format("127.0.0.1 port {} is taken by net_test (process {}); stop it, or choose "
                          "another address or port",
                          first.port(), getpid()));
  }
}

TEST(UdpServerSocket, TwoGroupsDoNotShareAPort) {
  auto first = UdpServerSocket::Listen(At("127.0.0.1", 0), 2, {});
  ASSERT_TRUE(first.ok());
  const auto second = UdpServerSocket::Listen(At("127.0.0.1", first->front().port()), 2, {});
  EXPECT_THAT(Message(second.status()), HasSubstr("is taken by net_test"));
}

TEST(UdpServerSocket, AnAddressOfAnotherMachineIsRefused) {
  EXPECT_EQ(Message(UdpServerSocket::Listen(At("192.0.2.1", 0), 1, {}).status()),
            "192.0.2.1 is not an address of this machine");
}

}  // namespace
}  // namespace fleetsync::net
