#include "controller/sync/ntp_query.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <thread>

#include "base/clock_read.h"
#include "proto/ntp/names.h"
#include "proto/ntp/packet.h"
#include "tests/controller/sync/times.h"

namespace fleetsync::sync {
namespace {

// A server on loopback that answers as `answer` changes its packet; ends with its destruction.
class FakeServer {
 public:
  using Change = std::function<void(ntp::Packet&)>;
  explicit FakeServer(Change change) : change_(std::move(change)) {
    socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeServer() {
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }
  uint16_t port() const { return port_; }

 private:
  void Serve() {
    for (;;) {
      std::array<std::byte, 256> wire{};
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t length =
          recvfrom(socket_, wire.data(), wire.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (length <= 0) return;
      const auto request = ntp::Decode(std::span(wire).first(static_cast<size_t>(length)));
      ntp::Packet answer;
      answer.leap = ntp::Leap::kNone;
      answer.mode = ntp::Mode::kServer;
      answer.stratum = 3;
      answer.origin = request.packet.transmit;
      answer.receive = answer.transmit = ntp::ToTimestamp(ReadClocks().system + 5s);
      change_(answer);
      std::array<std::byte, ntp::kHeaderSize> reply{};
      ntp::Encode(answer, reply);
      sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  Change change_;
  int socket_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

RelayState Query(uint16_t port, const std::string& address = "127.0.0.1") {
  const std::atomic<bool> stop{false};
  return QueryServers({address}, {.port = port, .patience = 100ms, .deadline = 2s}, stop).at(0);
}

TEST(QueryServers, MeasuresAServerWithItsSign) {
  const FakeServer server([](ntp::Packet&) {});
  const RelayState state = Query(server.port());
  EXPECT_EQ(state.kind, RelayState::Kind::kSynchronised) << state.detail;
  EXPECT_EQ(state.stratum, 3);
  ASSERT_TRUE(state.measured);
  EXPECT_LE(Abs(state.measured->offset - 5s), state.measured->bound);
  EXPECT_LT(state.measured->bound, 50ms);
}

TEST(QueryServers, SaysWhenAServerIsNotSynchronised) {
  const FakeServer server([](ntp::Packet& packet) {
    packet.stratum = 16;
    packet.leap = ntp::Leap::kUnsynchronised;
  });
  const RelayState state = Query(server.port());
  EXPECT_EQ(state.kind, RelayState::Kind::kUnsynchronised);
  EXPECT_EQ(state.detail, "stratum 16, leap 3");
  EXPECT_FALSE(state.measured);
}

TEST(QueryServers, NamesAKiss) {
  const FakeServer server([](ntp::Packet& packet) {
    packet.stratum = 0;
    packet.reference_id = ntp::ReferenceId("DENY");
  });
  EXPECT_EQ(Query(server.port()).detail, "kiss-o'-death DENY");
}

TEST(QueryServers, OneAnswerIsEnoughOfAServerThatLimitsItsRate) {
  int asked = 0;
  const FakeServer server([&asked](ntp::Packet& packet) {
    if (++asked > 1) packet.origin = ntp::Timestamp{1};  // as good as silent
  });
  const RelayState state = Query(server.port());
  EXPECT_EQ(state.kind, RelayState::Kind::kSynchronised);
  EXPECT_TRUE(state.measured);
}

TEST(QueryServers, DoesNotTakeAnAnswerToAnotherQuestion) {
  const FakeServer server([](ntp::Packet& packet) { packet.origin = ntp::Timestamp{42}; });
  const RelayState state = Query(server.port());
  EXPECT_EQ(state.kind, RelayState::Kind::kSilent);
  EXPECT_EQ(state.detail, "no answer");
}

TEST(QueryServers, TellsAClosedPortFromSilence) {
  uint16_t port = 0;
  {
    const FakeServer server([](ntp::Packet&) {});
    port = server.port();
  }
  EXPECT_EQ(Query(port).detail, "port closed");
}

TEST(QueryServers, SaysWhenANameHasNoAddress) {
  EXPECT_EQ(Query(123, "no-such-host.invalid").kind, RelayState::Kind::kUnknownName);
}

}  // namespace
}  // namespace fleetsync::sync
