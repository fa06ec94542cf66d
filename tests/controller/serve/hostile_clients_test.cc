// Clients of a running service that mean no good: they hurt themselves alone.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/serve/serve_fixture.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A TCP connection without gRPC.
class RawConnection {
 public:
  // `from`: an address of loopback.
  explicit RawConnection(const std::string& address, uint32_t from = INADDR_LOOPBACK)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in source{}, to{};
    source.sin_family = to.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(from);
    const int on = 1;  // the port is chosen by connect
    setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    bind(fd_, reinterpret_cast<const sockaddr*>(&source), sizeof source);
    // Ten thousand ports in TIME_WAIT would be in the way of other tests.
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
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
  // All of it, or until the other side has closed: it may take no more for a while.
  void SendUntilEnded(std::string_view bytes) const {
    while (!bytes.empty() && !Ended()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
      pollfd room{.fd = fd_, .events = POLLOUT | POLLRDHUP, .revents = 0};
      poll(&room, 1, 20'000);
    }
  }
  // The other side has closed, which is told without reading.
  bool Ended() const {
    pollfd watched{.fd = fd_, .events = POLLRDHUP, .revents = 0};
    return poll(&watched, 1, 0) == 1;
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

// HTTP/2's preface and empty SETTINGS, then what the test likes.
std::string Http2(const std::string& frames) {
  return std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string("\0\0\0\4\0\0\0\0\0", 9) +
         frames;
}

// What the kernel says of a process.
long Kilobytes(pid_t pid, std::string_view what) {
  const std::string status = ReadFile(fmt::format("/proc/{}/status", pid), 1 << 16).value_or("");
  const size_t at = status.find(what);
  return at == std::string::npos ? -1 : std::strtol(status.c_str() + at + what.size(), nullptr, 10);
}
long Descriptors(pid_t pid) {
  const std::filesystem::directory_iterator all(fmt::format("/proc/{}/fd", pid));
  return std::distance(begin(all), end(all));
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

TEST(HostileClients, TenThousandConnectionsHurtNobody) {
  constexpr uint32_t kTheirAddress = 0x7f000002;  // 127.0.0.2; the honest have 127.0.0.1
  constexpr uint64_t kConnections = 10'000, kOthers = 200;
  constexpr long kOfOneAddress = 512;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  // As many as may be open here; beyond the limit of one address it is the same for all.
  ASSERT_GT(files.rlim_max, 2 * kOfOneAddress + kOthers) << "raise it: ulimit -Hn 20000";
  const uint64_t connections = std::min(kConnections, files.rlim_max - kOthers);

  const TemporaryFolder folder;
  const Environment limits("FLEETSYNC_TEST_LIMITS", "default");
  ServeProcess server(folder, {"web01", "web02"});
  const std::string address = server.Address();
  FakeAgent honest(address, "web01");
  ASSERT_EQ(honest.Hello(), 0u);
  std::vector<RawConnection> held;
  held.reserve(connections);
  for (uint64_t i = 0; i < connections; ++i) {
    held.emplace_back(address, kTheirAddress);
    if (i % 2 == 0) held.back().Send(Http2(""));
    if (i % 1000 == 0) ExpectServed(honest, 1 + i / 1000);
  }
  FakeAgent late(address, "web02");
  EXPECT_EQ(late.Hello(), 0u);
  ExpectServed(late, 1);
  const auto open = [&held] {
    return std::count_if(held.begin(), held.end(), [](const auto& c) { return !c.Closed(); });
  };
  EXPECT_TRUE(Eventually([&] { return open() <= kOfOneAddress; }));
  EXPECT_LE(Descriptors(server.pid()), 2 * kOfOneAddress + 100);
  EXPECT_LE(Kilobytes(server.pid(), "VmHWM:"), 200'000);
}

// A frame of HTTP/2 (RFC 9113).
enum class FrameType : uint8_t { kData = 0, kHeaders = 1, kSettings = 4 };
std::string Frame(FrameType type, uint8_t flags, uint32_t stream, const std::string& payload) {
  std::string frame;
  const auto put = [&frame](size_t number, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      frame += static_cast<char>(number >> shift);
  };
  put(payload.size(), 3);
  put(static_cast<size_t>(type), 1);
  put(flags, 1);
  put(stream, 4);
  return frame + payload;
}

// HEADERS that begin a call of a method; the client may go on.
std::string Call(uint32_t stream, const std::string& path) {
  std::string block = "\x83\x86";  // POST, http
  const auto literal = [&block](std::string_view name, const std::string& value) {
    block += name;
    block += static_cast<char>(value.size());
    block += value;
  };
  literal("\x04", path);
  literal("\x01", "controller");                       // :authority
  literal("\x0f\x10", "application/grpc");             // content-type
  literal(std::string_view("\0\2te", 4), "trailers");  // a name that is not in the table
  return Frame(FrameType::kHeaders, 4, stream, block);
}

// DATA with one message of gRPC.
std::string Message(uint32_t stream, const v1::StreamRequest& message) {
  const std::string bytes = message.SerializeAsString();
  std::string payload(5, '\0');
  payload[3] = static_cast<char>(bytes.size() >> 8);
  payload[4] = static_cast<char>(bytes.size());
  return Frame(FrameType::kData, 0, stream, payload + bytes);
}

constexpr const char* kStreamMethod = "/fleetsync.v1.FleetService/Stream";

// Never confirms the server's settings, so that gRPC holds it to no number of streams, and reads no
// answer.
void FloodWithStreams(const std::string& method) {
  const TemporaryFolder folder;
  const Environment memory("FLEETSYNC_TEST_MEMORY_MB", "48");
  ServeProcess server(folder, {"web01", "web02"});
  const std::string address = server.Address();
  FakeAgent honest(address, "web01");
  ASSERT_EQ(honest.Hello(), 0u);
  const RawConnection flood(address);
  flood.Send(Http2(""));
  uint32_t stream = 1;
  EXPECT_TRUE(Eventually([&] {
    std::string streams;
    for (int i = 0; i < 100; ++i, stream += 2) streams += Call(stream, method);
    flood.SendUntilEnded(streams);
    return flood.Ended();
  }));
  EXPECT_LT(Kilobytes(server.pid(), "VmHWM:"), 300'000) << "without a limit: above 500,000";
  ExpectServed(honest, 1);
  EXPECT_TRUE(Eventually([&] { return FakeAgent(address, "web02").Hello() == 0u; }));
}

TEST(HostileClients, AConnectionWithTooManyStreamsEnds) { FloodWithStreams(kStreamMethod); }
TEST(HostileClients, AConnectionThatTakesTheMemoryEnds) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizers' allocator does not tell mallinfo2() what is in use";
#endif
  FloodWithStreams("/no/such");
}

// Reports on and on, of which no acknowledgement is ever read; `window` for each stream's answers.
void ReportWithoutReading(uint32_t window) {
  const TemporaryFolder folder;
  const Environment patience("FLEETSYNC_TEST_PATIENCE_MS", "1000");
  ServeProcess server(folder, {"web01", "web02"});
  const std::string address = server.Address();
  FakeAgent honest(address, "web01");
  ASSERT_EQ(honest.Hello(), 0u);
  const RawConnection deaf(address);
  std::string settings("\0\4\0\0\0\0", 6);  // INITIAL_WINDOW_SIZE
  for (int i = 0; i < 4; ++i)
    settings[static_cast<size_t>(i) + 2] = static_cast<char>(window >> (24 - 8 * i));
  v1::StreamRequest message;
  message.mutable_hello()->set_host("web02");
  deaf.Send(Http2(Frame(FrameType::kSettings, 0, 0, settings) + Call(1, kStreamMethod) +
                  Message(1, message)));
  EXPECT_TRUE(Eventually([&] {
    v1::Report& report = *message.mutable_report();
    report.set_sequence(report.sequence() + 1);
    deaf.SendUntilEnded(Message(1, message));
    return deaf.Ended();
  }));
  EXPECT_LT(Kilobytes(server.pid(), "VmHWM:"), 200'000);
  ExpectServed(honest, 1);
  FakeAgent heals(address, "web02");
  EXPECT_TRUE(heals.Hello().has_value());
}

TEST(HostileClients, WhoGivesNoWindowForAnswersIsSentAway) { ReportWithoutReading(0); }
TEST(HostileClients, WhoNeverReadsIsSentAway) { ReportWithoutReading(500); }

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
