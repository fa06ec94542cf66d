// From the datagram to its answer nothing is allocated. A program of its own: it counts every
// operator new.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <new>

#include "agent/net/address_text.h"
#include "agent/net/udp_server_socket.h"
#include "agent/server/responder.h"
#include "base/clock_read.h"

namespace {
size_t allocations = 0;
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { std::free(memory); }

namespace fleetsync::serve {
namespace {

void SendTo(uint16_t port, std::span<const std::byte> request, int from) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in own{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
  own.sin_addr.s_addr = htonl(0x7f000000 + static_cast<uint32_t>(from));
  sockaddr_in to = own;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
  sendto(fd, request.data(), request.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
  close(fd);
}

TEST(Serving, AllocatesNothing) {
  ntp::KeyStore keys;
  ASSERT_TRUE(keys.Add({1, ntp::KeyType::kSha1, Secret("0123456789abcdef")}).ok());
  auto authenticator = ntp::Authenticator::Create(keys);
  ASSERT_TRUE(authenticator.ok());
  auto sockets = net::UdpServerSocket::Listen(*net::ParseNumericAddress("127.0.0.1", 0), 1, {});
  ASSERT_TRUE(sockets.ok());
  net::UdpServerSocket& socket = sockets->front();
  const std::array rules = {server::AccessRule{.network = {}, .prefix = 0}};
  const server::AccessList access(rules);
  server::Responder responder(access, *std::move(authenticator),
                              {.interval = std::chrono::seconds(9), .burst = 3}, 1);
  std::array<std::byte, 72> request{std::byte{4 << 3 | 3}};
  request[51] = std::byte{1};  // key 1, and a digest that is none
  size_t served = 0;
  const size_t before = allocations;
  for (int i = 0; i < 500; ++i) {
    SendTo(socket.port(), std::span(request).first(i % 10 == 0 ? 72 : 48), 1 + i % 100);
    const size_t count = socket.Receive();
    for (size_t at = 0; at < count; ++at) {
      const auto incoming = socket.At(at);
      if (!incoming) continue;
      const auto response =
          responder.Respond({}, {incoming->bytes, incoming->from, *incoming->stamp}, ReadClocks(),
                            socket.ReplyBuffer(at).first<server::kLargestReply>());
      socket.Reply(at, response.size);
      ++served;
    }
    socket.Flush();
  }
  EXPECT_EQ(served, 500u);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(responder.clients().size(), 100u);
}

}  // namespace
}  // namespace fleetsync::serve
