// Streams of a running service beyond reports, and clients that mean no good.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <future>

#include "db/reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/serve/serve_fixture.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// An environment variable of the processes that are started meanwhile.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

// A TCP connection without gRPC.
class RawConnection {
 public:
  explicit RawConnection(const std::string& address)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    timeval patience{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~RawConnection() { close(fd_); }
  RawConnection(RawConnection&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  RawConnection& operator=(RawConnection&&) = delete;

  void Send(std::string_view bytes) const { send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // All that comes until the other side closes.
  std::string ReadAll() const {
    std::string all;
    std::array<char, 4096> bytes{};
    for (ssize_t size = 0; (size = recv(fd_, bytes.data(), bytes.size(), 0)) > 0;)
      all.append(bytes.data(), static_cast<size_t>(size));
    return all;
  }
  bool Closed() const {
    char byte = 0;
    const ssize_t size = recv(fd_, &byte, 1, MSG_DONTWAIT);
    return size == 0 || (size < 0 && errno != EAGAIN);
  }

 private:
  int fd_;
  bool connected_ = false;
};

// Stores a report and is told so.
void ExpectServed(FakeAgent& agent, uint64_t sequence) {
  ASSERT_TRUE(agent.Send(sequence));
  EXPECT_TRUE(agent.AwaitAcknowledgement(sequence));
}

TEST(Streams, TheTimeIsAskedFourTimesAtOnce) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  FakeAgent agent(server.Address(), "web01");
  ASSERT_EQ(agent.Hello(), 0u);
  std::set<uint64_t> ids;
  for (int i = 0; i < 4; ++i) {
    const std::optional<v1::StreamResponse> question = agent.Read();
    ASSERT_TRUE(question && question->has_time_question());
    ids.insert(question->time_question().id());
    v1::StreamRequest answer;
    const int64_t host_ns = ReadClocks().system.time_since_epoch().count();
    answer.mutable_time_answer()->set_id(question->time_question().id());
    answer.mutable_time_answer()->set_received_ns(host_ns);
    answer.mutable_time_answer()->set_sent_ns(host_ns);
    ASSERT_TRUE(agent.Write(answer));
  }
  EXPECT_EQ(ids.size(), 4u);
  ExpectServed(agent, 1);
  // By one clock: what was measured is zero, within its bound.
  const auto reader = db::Reader::Open(folder.File("fleet.db"));
  std::optional<db::Measurement> measured;
  ASSERT_TRUE(
      Eventually([&] { return (measured = (*reader)->Fleet()->at(0).measurement).has_value(); }));
  EXPECT_LE(Abs(measured->offset), measured->error_bound);
  EXPECT_LT(measured->error_bound, Duration(kPatience));
}

TEST(Streams, ASecondStreamOfAHostReplacesTheFirst) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  FakeAgent first(server.Address(), "web01"), second(server.Address(), "web01");
  ASSERT_EQ(first.Hello(), 0u);
  ASSERT_EQ(second.Hello(), 0u);
  EXPECT_EQ(first.End().error_code(), grpc::StatusCode::ABORTED);
  ExpectServed(second, 1);
  EXPECT_THAT(server.Log(), HasSubstr("web01: a second stream, from ipv4:127.0.0.1:"));
}

TEST(Streams, AHangupReadsTheInventoryAgain) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01", "web02"});
  FakeAgent stays(server.Address(), "web01"), goes(server.Address(), "web02");
  ASSERT_EQ(stays.Hello(), 0u);
  ASSERT_EQ(goes.Hello(), 0u);
  ASSERT_TRUE(WriteFileAtomically(folder.File("port.hosts"), "web01\nweb03\n", 0600).ok());
  kill(server.pid(), SIGHUP);
  const grpc::Status end = goes.End();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(end.error_message(), "host 'web02' is no longer in the controller's inventory");
  ExpectServed(stays, 1);
  FakeAgent added(server.Address(), "web03");
  EXPECT_EQ(added.Hello(), 0u);
  EXPECT_EQ(server.Stop(), 0);
}

TEST(Streams, TheServiceManagerIsToldOfEveryState) {
  const TemporaryFolder folder;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strcpy(address.sun_path, folder.File("notify").c_str());
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto next = [fd] {
    std::array<char, 256> text{};
    pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, 20'000) != 1) return std::string("nothing");
    const ssize_t size = recv(fd, text.data(), text.size(), 0);
    return std::string(text.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)));
  };
  // What comes before the first message that is no keep-alive; that one.
  const auto next_state = [&] {
    std::string state = next();
    while (state == "WATCHDOG=1") state = next();
    return state;
  };
  const Environment notify("NOTIFY_SOCKET", address.sun_path), watchdog("WATCHDOG_USEC", "40000");
  ServeProcess server(folder, {"web01"});
  EXPECT_EQ(next(), "READY=1");
  EXPECT_EQ(next(), "WATCHDOG=1");
  EXPECT_EQ(next(), "WATCHDOG=1") << "again and again";
  kill(server.pid(), SIGHUP);
  EXPECT_THAT(next_state(), testing::StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(next_state(), "READY=1");
  EXPECT_EQ(server.Stop(), 0);
  EXPECT_EQ(next_state(), "STOPPING=1");
  close(fd);
}

TEST(HostileClients, WhoOnlyConnectsIsSentAwayAndHurtsNobody) {
  const TemporaryFolder folder;
  const Environment patience("FLEETSYNC_TEST_PATIENCE_MS", "1500");
  ServeProcess server(folder, {"web01", "web02"});
  const std::string address = server.Address();
  FakeAgent honest(address, "web01");
  ASSERT_EQ(honest.Hello(), 0u);
  std::vector<RawConnection> idle;
  for (int i = 0; i < 400; ++i) idle.emplace_back(address);
  // A hundred of one address may wait; the others are closed at once.
  const auto closed = [&idle] {
    return std::count_if(idle.begin(), idle.end(), [](const auto& c) { return c.Closed(); });
  };
  EXPECT_TRUE(Eventually([&] { return closed() >= 300; }));
  ExpectServed(honest, 1);
  EXPECT_TRUE(Eventually([&] { return closed() == 400; })) << "none may stay";
  EXPECT_THAT(server.Log(), HasSubstr("no host has spoken on it"));
  ExpectServed(honest, 2);
  FakeAgent late(address, "web02");
  EXPECT_EQ(late.Hello(), 0u) << "there is room again";
}

TEST(HostileClients, AStreamWithoutAHelloEnds) {
  const TemporaryFolder folder;
  const Environment patience("FLEETSYNC_TEST_PATIENCE_MS", "300");
  ServeProcess server(folder, {"web01"});
  FakeAgent mute(server.Address(), "web01");
  const grpc::Status end = mute.End();
  EXPECT_THAT(end.error_code(),
              testing::AnyOf(grpc::StatusCode::DEADLINE_EXCEEDED, grpc::StatusCode::UNAVAILABLE));
}

TEST(HostileClients, WhoIsRefusedAgainAndAgainDoesNotFillTheLog) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  for (int i = 0; i < 60; ++i) FakeAgent(server.Address(), "evil").Hello();
  const std::string log = server.Log();
  size_t lines = 0;
  for (size_t at = 0; (at = log.find("refused the stream", at)) != std::string::npos; ++at) ++lines;
  EXPECT_GE(lines, 15u);
  EXPECT_LE(lines, 40u);
}

TEST(HostileClients, TextsThatAreNoUtf8DoNotFillTheLog) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  for (int i = 0; i < 60; ++i) {
    FakeAgent agent(server.Address(), "web01");
    v1::StreamRequest message;
    message.mutable_hello()->set_host("\xff\xfe");
    agent.Write(message);
    agent.End();
  }
  FakeAgent honest(server.Address(), "web01");
  EXPECT_EQ(honest.Hello(), 0u);
  const std::string log = server.Log();
  EXPECT_LE(std::count(log.begin(), log.end(), '\n'), 100) << log.substr(0, 2000);
  EXPECT_THAT(log, testing::Not(HasSubstr("[libprotobuf")));
}

// HTTP/2's preface and empty SETTINGS, then what the test likes.
std::string Http2(const std::string& frames) {
  return std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string("\0\0\0\4\0\0\0\0\0", 9) +
         frames;
}

TEST(HostileClients, AFloodOfPingsEndsItsConnection) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  FakeAgent honest(server.Address(), "web01");
  ASSERT_EQ(honest.Hello(), 0u);
  const RawConnection flood(server.Address());
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += std::string("\0\0\10\6\0\0\0\0\0PINGPING", 17);
  flood.Send(Http2(pings));
  EXPECT_THAT(flood.ReadAll(), HasSubstr("too_many_pings"));
  ExpectServed(honest, 1);
}

TEST(HostileClients, WhatIsNoHttpEndsItsConnection) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  FakeAgent honest(server.Address(), "web01");
  ASSERT_EQ(honest.Hello(), 0u);
  const RawConnection nonsense(server.Address());
  nonsense.Send(std::string(100'000, '\xff'));
  nonsense.ReadAll();
  ExpectServed(honest, 1);
}

}  // namespace
}  // namespace fleetsync::serve
