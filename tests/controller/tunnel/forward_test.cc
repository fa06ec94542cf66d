// Reverse forwards through a real sshd to a server of the test.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <future>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/tunnel/forward_world.h"

namespace fleetsync::tunnel {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string RandomBytes(size_t size) {
  std::mt19937_64 random(42);
  std::string bytes;
  while (bytes.size() < size) {
    const uint64_t word = random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return bytes;
}

// Sends and receives at the same time; true when the same comes back.
bool EchoesIntact(Socket& socket, const std::string& bytes) {
  std::thread sender([&] {
    socket.Send(bytes);
    socket.SendEnd();
  });
  const bool same = socket.ReceiveAll() == bytes;
  sender.join();
  return same;
}

TEST(Forward, CarriesAMegabyteBothWaysIntact) {
  const Server server(Echo);
  World world;
  world.StartForwarding(server.port());
  EXPECT_EQ(world.WaitForFirstRound(), 1u);
  Socket socket = Socket::Connect(world.options.host_port);
  EXPECT_TRUE(EchoesIntact(socket, RandomBytes(size_t{1} << 20)));
  EXPECT_EQ(world.failures(), 0u);
}

TEST(Forward, CarriesManyConnectionsAtOnceAndOneAfterAnother) {
  const Server server(Echo);
  World world;
  world.StartForwarding(server.port());
  const std::string bytes = RandomBytes(100'000);
  std::atomic<int> intact{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 32; ++i)
    clients.emplace_back([&] {
      Socket socket = Socket::Connect(world.options.host_port);
      if (EchoesIntact(socket, bytes)) ++intact;
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(intact, 32);
  // More than may be open at once: none is left behind.
  for (int i = 0; i < 100; ++i) {
    Socket socket = Socket::Connect(world.options.host_port);
    ASSERT_TRUE(EchoesIntact(socket, "ping")) << i;
  }
  EXPECT_EQ(world.sshd.connections(), 1u);
}

TEST(Forward, AHostWithTooManyConnectionsLosesTheNewOnesAlone) {
  const Server server(Echo);
  World world;
  world.StartForwarding(server.port());
  std::vector<Socket> sockets;
  for (int i = 0; i < 64; ++i) {
    sockets.push_back(Socket::Connect(world.options.host_port));
    sockets.back().Send("x");
    ASSERT_EQ(sockets.back().Receive(1), "x") << i;
  }
  Socket refused = Socket::Connect(world.options.host_port);
  EXPECT_EQ(refused.ReceiveAll(), "");
  sockets.front().Send("y");
  EXPECT_EQ(sockets.front().Receive(1), "y");
}

TEST(Forward, TheHostsSideMayEndFirst) {
  const Server server([](Socket& socket) {
    const std::string question = socket.ReceiveAll();
    socket.Send("answer to " + question);
  });
  World world;
  world.StartForwarding(server.port());
  Socket socket = Socket::Connect(world.options.host_port);
  socket.Send("question");
  socket.SendEnd();
  EXPECT_EQ(socket.ReceiveAll(), "answer to question");
}

TEST(Forward, TheServersSideMayEndFirst) {
  std::promise<std::string> heard;
  const Server server([&heard](Socket& socket) {
    socket.Send("greeting");
    socket.SendEnd();
    heard.set_value(socket.ReceiveAll());
  });
  World world;
  world.StartForwarding(server.port());
  Socket socket = Socket::Connect(world.options.host_port);
  EXPECT_EQ(socket.ReceiveAll(), "greeting");
  socket.Send("still there");
  socket.SendEnd();
  EXPECT_EQ(heard.get_future().get(), "still there");
}

// The host says nothing meanwhile that would wake us.
TEST(Forward, ABurstArrivesWhole) {
  const std::string bytes = RandomBytes(90'000);
  const Server server([&bytes](Socket& socket) {
    socket.Send(bytes);
    socket.ReceiveAll();
  });
  World world;
  world.options.keepalive = std::chrono::minutes(1);
  world.StartForwarding(server.port());
  Socket socket = Socket::Connect(world.options.host_port);
  EXPECT_EQ(socket.Receive(bytes.size()), bytes);
}

// It reads a piece for each byte of the pipe.
void ExpectBoundedWhileReadSlowly(int pipe_end, int turn_end) {
  constexpr size_t kMost = size_t{16} << 20;  // sockets', sshd's and libssh's buffers
  constexpr size_t kPiece = 800'000;
  const Server server(
      [turn_end](Socket& socket) {
        char turn = 0;
        while (read(turn_end, &turn, 1) == 1 && turn == 'r') socket.Receive(kPiece);
      },
      65536);
  World world;
  world.StartForwarding(server.port());
  Socket socket = Socket::Connect(world.options.host_port);
  size_t sent = socket.Fill(milliseconds(200));
  EXPECT_LT(sent, kMost);
  for (size_t i = 1; i <= 60 && sent < kMost + i * kPiece; ++i) {
    EXPECT_EQ(write(pipe_end, "r", 1), 1);
    sent += socket.Fill(milliseconds(10));
    EXPECT_LT(sent, kMost + i * kPiece) << "after " << i << " pieces";
  }
  EXPECT_EQ(write(pipe_end, "e", 1), 1);
}

TEST(Forward, AServerThatReadsSlowlyHoldsTheHostUp) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  ExpectBoundedWhileReadSlowly(ends[1], ends[0]);
  for (const int end : ends) close(end);
}

TEST(Forward, AHostThatReadsSlowlyHoldsTheServerUp) {
  std::atomic<size_t> sent{0};
  const Server server([&sent](Socket& socket) { sent = socket.Fill(milliseconds(200)); });
  World world;
  world.StartForwarding(server.port());
  Socket socket = Socket::Connect(world.options.host_port);
  // All of what the server could send before it gave up arrives.
  size_t received = socket.Receive(1).size();
  while (sent == 0) std::this_thread::yield();
  received += socket.ReceiveAll().size();
  EXPECT_EQ(received, sent);
  EXPECT_LT(sent, size_t{16} << 20);
}

TEST(Forward, APortInUseIsToldOnceAndTakenWhenItIsFree) {
  const Server server(Echo);
  World world;
  const int holder = ListenOn(world.options.host_port);
  world.Start(server.port());
  const std::string port = std::to_string(world.options.host_port);
  EXPECT_THAT(world.WaitForFailure(),
              AllOf(StartsWith("forward: port " + port + " is in use on the host; see by what: "),
                    HasSubstr("ss -ltnp 'sport = :" + port + "'")));
  EXPECT_EQ(world.WaitForFirstRound(), 0u);
  // Several attempts, one word.
  while (world.sshd.connections() < 4) std::this_thread::yield();
  EXPECT_EQ(world.failures(), 1u);
  close(holder);
  world.WaitForForwarding(1);
  Socket socket = Socket::Connect(world.options.host_port);
  EXPECT_TRUE(EchoesIntact(socket, "ping"));
}

TEST(Forward, AnSshdThatForbidsItIsToldWithWhatToChange) {
  for (const char* line : {"AllowTcpForwarding no", "AllowTcpForwarding local",
                           "PermitListen 127.0.0.1:1", "DisableForwarding yes"}) {
    World world(line);
    world.Start(1);
    EXPECT_THAT(world.WaitForFailure(),
                AllOf(StartsWith("forward: the host's sshd does not let us listen on 127.0.0.1:"),
                      HasSubstr("AllowTcpForwarding must be yes or remote")))
        << line;
  }
}

TEST(Forward, ALostConnectionIsMadeAgain) {
  const Server server(Echo);
  World world;
  world.StartForwarding(server.port());
  for (size_t i = 1; i <= 3; ++i) {
    Socket cut = Socket::Connect(world.options.host_port);
    cut.Send("x");
    ASSERT_EQ(cut.Receive(1), "x");
    world.sshd.KillSessions();
    EXPECT_EQ(cut.ReceiveAll(), "");
    EXPECT_EQ(world.WaitForFailure(i - 1), "forward: the host closed the connection");
    world.WaitForForwarding(i + 1);
    Socket socket = Socket::Connect(world.options.host_port);
    EXPECT_TRUE(EchoesIntact(socket, "ping"));
  }
}

TEST(Forward, AHostThatHangsIsNoticed) {
  const Server server(Echo);
  World world;
  world.options.keepalive = milliseconds(50);
  world.StartForwarding(server.port());
  // Answers to some keepalives: no failure.
  EXPECT_FALSE(world.FailsWithin(milliseconds(500)));
  world.sshd.SignalSessions(SIGSTOP);
  EXPECT_EQ(world.WaitForFailure(0),
            "forward: nothing came from the host for 150 ms; is it up, and the network between?");
  EXPECT_THAT(world.WaitForFailure(1), HasSubstr("is in use on the host"));
  world.sshd.KillSessions();
  world.WaitForForwarding(2);
  Socket socket = Socket::Connect(world.options.host_port);
  EXPECT_TRUE(EchoesIntact(socket, "ping"));
}

TEST(Forward, AServerThatIsNotThereIsToldOnceAndWhenItIsBack) {
  const uint16_t port = FreePort();
  World world;
  world.StartForwarding(port);
  for (int i = 0; i < 3; ++i) {
    Socket socket = Socket::Connect(world.options.host_port);
    EXPECT_EQ(socket.ReceiveAll(), "");
  }
  EXPECT_EQ(world.WaitForReached(0), ECONNREFUSED);
  const int listener = ListenOn(port);
  const Socket socket = Socket::Connect(world.options.host_port);
  EXPECT_EQ(world.WaitForReached(1), 0);
  EXPECT_EQ(world.failures(), 0u);
  close(listener);
}

TEST(Forward, NothingIsLeftAfterStopWithConnectionsOpen) {
  const Server server(Echo);
  World world;
  world.StartForwarding(server.port());
  Socket socket = Socket::Connect(world.options.host_port);
  socket.Send("x");
  ASSERT_EQ(socket.Receive(1), "x");
  world.Stop();
  EXPECT_EQ(socket.ReceiveAll(), "");
  EXPECT_EQ(world.failures(), 0u);
}

TEST(Forward, AnAddressThatIsNoneIsRefusedAtOnce) {
  World world;
  world.options.to = "controller.example.com";
  const inventory::Host host = world.sshd.Host();
  struct Silent : Observer {
    void OnForwarding(const inventory::Host&) override {}
    void OnFailed(const inventory::Host&, const ssh::Failure&) override {}
    void OnReachedHere(int) override {}
    void OnFirstRoundOver(size_t) override {}
  } silent;
  EXPECT_EQ(Message(ReverseForwards::Create({&host}, world.options, silent).status()),
            "'controller.example.com' is not a numeric address to lead hosts to");
}

}  // namespace
}  // namespace fleetsync::tunnel
