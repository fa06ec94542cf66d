#include "agent/serve/time_server.h"

#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "agent/net/address_text.h"
#include "agent/net/udp_socket.h"
#include "base/clock_read.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/ntp/exchange.h"

namespace fleetsync::serve {
namespace {

using server::Verdict;

server::AccessRule Everybody() { return {.network = {}, .prefix = 0, .allow = true}; }

TimeServerConfig On(std::vector<std::string> addresses, size_t workers = 1) {
  TimeServerConfig config;
  config.workers = workers;
  config.access = {Everybody()};
  for (const std::string& text : addresses) {
    config.listen.push_back(*net::ParseNumericAddress(text, 0));
  }
  return config;
}

std::unique_ptr<TimeServer> StartServer(TimeServerConfig config) {
  auto server = TimeServer::Start(std::move(config));
  EXPECT_TRUE(server.ok()) << Message(server.status());
  return *std::move(server);
}

server::ServerVars AheadBy(Duration offset) {
  return {.as_of = ReadClocks(), .offset = offset, .stratum = 2, .leap = ntp::Leap::kNone};
}

// One exchange; none: no answer within a while.
std::optional<ntp::ExchangeResult> Ask(const ntp::Address& address, int wait_ms = 5000) {
  auto socket = net::UdpSocket::Connect(address);
  if (!socket.ok()) return std::nullopt;
  constexpr ntp::Timestamp kCookie{0x1122334455667788};
  std::array<std::byte, ntp::kHeaderSize> wire;
  ntp::Encode(ntp::ClientRequest(kCookie, 6), wire);
  const SystemTime sent = ReadClocks().system;
  if (!socket->Send(wire).ok()) return std::nullopt;
  for (const MonoTime end = ReadClocks().mono + std::chrono::milliseconds(wait_ms);
       ReadClocks().mono < end;) {
    pollfd fd{socket->fd(), POLLIN, 0};  // its own stamps of departure wake it as well
    poll(&fd, 1, wait_ms);
    if ((fd.revents & POLLERR) != 0 && socket->ReceiveSentStamp()) continue;
    std::array<std::byte, 256> buffer{};
    const auto datagram = socket->Receive(buffer);
    const SystemTime now = ReadClocks().system;
    if (!datagram.ok() || !*datagram) continue;
    const auto decoded = ntp::Decode(std::span(buffer).first((*datagram)->size));
    return ntp::Evaluate({kCookie, sent}, decoded.packet, (*datagram)->stamp.value_or(now));
  }
  return std::nullopt;
}

uint64_t CountOf(const TimeServer& server, Verdict verdict) {
  return server.TakeCounts().verdicts[static_cast<size_t>(verdict)];
}

TEST(TimeServer, ServesThePublishedTimeOnEveryAddress) {
  const auto server = StartServer(On({"127.0.0.1", "::1"}));
  server->Publish(AheadBy(std::chrono::seconds(5)));
  ASSERT_EQ(server->addresses().size(), 2u);
  for (const ntp::Address& address : server->addresses()) {
    const auto result = Ask(address);
    ASSERT_TRUE(result.has_value());
    ASSERT_EQ(result->verdict, ntp::Verdict::kGood) << ntp::Describe(result->verdict);
    EXPECT_NEAR(ToSeconds(result->measurement.offset), 5, 0.05);
    EXPECT_GE(result->measurement.delay, Duration::zero());
  }
  EXPECT_EQ(CountOf(*server, Verdict::kAnswered), 2u);
}

TEST(TimeServer, BeforeAnythingIsPublishedItSaysUnsynchronised) {
  const auto server = StartServer(On({"127.0.0.1"}));
  const auto result = Ask(server->addresses()[0]);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->verdict, ntp::Verdict::kUnsynchronised);
  EXPECT_EQ(CountOf(*server, Verdict::kUnsynchronised), 1u);
}

TEST(TimeServer, WhoIsDeniedHearsNothing) {
  TimeServerConfig config = On({"127.0.0.1"});
  config.access = {};
  const auto server = StartServer(std::move(config));
  EXPECT_FALSE(Ask(server->addresses()[0], 100).has_value());
  EXPECT_EQ(CountOf(*server, Verdict::kDenied), 1u);
  EXPECT_EQ(server->TakeCounts().requests(), 1u);
}

TEST(TimeServer, ALimitedClientIsKissedOnceWhateverItsPorts) {
  TimeServerConfig config = On({"127.0.0.1"}, 3);
  config.limit = {.interval = std::chrono::seconds(100), .burst = 2};
  const auto server = StartServer(std::move(config));
  server->Publish(AheadBy({}));
  EXPECT_EQ(Ask(server->addresses()[0])->verdict, ntp::Verdict::kGood);
  EXPECT_EQ(Ask(server->addresses()[0])->verdict, ntp::Verdict::kGood);
  EXPECT_EQ(Ask(server->addresses()[0])->verdict, ntp::Verdict::kKiss);
  EXPECT_FALSE(Ask(server->addresses()[0], 100).has_value());
  const auto top = server->TopClients(5);
  ASSERT_EQ(top.size(), 1u);
  EXPECT_EQ(net::AddressText(top[0].client), "127.0.0.1");
  EXPECT_EQ(top[0].requests, 4u);
  EXPECT_EQ(top[0].limited, 2u);
}

TEST(TimeServer, CountsAreReadWhileItServes) {
  const auto server = StartServer(On({"127.0.0.1"}, 2));
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      server->TakeCounts();
      server->TopClients(3);
    }
  });
  for (int i = 0; i < 200; ++i) {
    server->Publish(AheadBy(std::chrono::seconds(i)));
    ASSERT_TRUE(Ask(server->addresses()[0]).has_value());
  }
  stop = true;
  reader.join();
  EXPECT_EQ(server->TakeCounts().requests(), 200u);
  EXPECT_EQ(server->TakeCounts().clients, 1u);
}

TEST(TimeServer, APortThatIsTakenIsToldAndNothingIsLeftRunning) {
  const auto first = StartServer(On({"127.0.0.1"}));
  TimeServerConfig config = On({"::1"});
  config.listen.push_back(first->addresses()[0]);
  const auto second = TimeServer::Start(std::move(config));
  EXPECT_THAT(Message(second.status()), testing::HasSubstr("is taken by time_server_tes"));
}

}  // namespace
}  // namespace fleetsync::serve
