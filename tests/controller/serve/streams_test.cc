// Streams of a running service beyond reports.

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "db/reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/serve/serve_fixture.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

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

}  // namespace
}  // namespace fleetsync::serve
