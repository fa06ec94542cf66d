#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "controller/tunnel/reverse_forwards.h"
#include "tests/controller/ssh/sshd.h"

namespace fleetsync::tunnel {

// A connected TCP socket of the test; every call that waits fails the test after 20 s.
class Socket {
 public:
  explicit Socket(int fd);
  ~Socket();
  Socket(Socket&& from) noexcept : fd_(from.fd_) { from.fd_ = -1; }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  static Socket Connect(uint16_t port);
  int fd() const { return fd_; }
  void Send(std::string_view bytes);
  void SendEnd();
  std::string Receive(size_t size);  // less at the end of the stream
  std::string ReceiveAll() { return Receive(size_t{1} << 40); }
  // How much goes in until nothing has for `patience`.
  size_t Fill(std::chrono::milliseconds patience);

 private:
  int fd_;
};

// What hosts' connections lead to: each is served in a thread of its own.
class Server {
 public:
  // `buffer`: what the kernel may receive ahead of a reader; 0: its own choice.
  explicit Server(std::function<void(Socket&)> serve, int buffer = 0);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const { return port_; }

 private:
  const std::function<void(Socket&)> serve_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::list<std::thread> served_;
  std::thread thread_;
};

void Echo(Socket& socket);

// A port of the loopback that nobody uses; or that this test does while it holds the descriptor.
uint16_t FreePort();
int ListenOn(uint16_t port);

// A host whose port leads to `to`, by forwards in a thread of their own, and what was told.
class World : private Observer {
 public:
  explicit World(const std::string& sshd_config = "");
  ~World() override;

  ForwardOptions options;  // short times, a free port
  ssh::Sshd sshd;

  void Start(uint16_t to);
  // Starts, and waits until the port leads there.
  void StartForwarding(uint16_t to);
  void Stop() { forwards_.reset(); }
  void WaitForForwarding(size_t times);
  std::string WaitForFailure(size_t which = 0);  // the nth that was told, from 0
  int WaitForReached(size_t which);
  size_t WaitForFirstRound();
  bool FailsWithin(std::chrono::milliseconds time);
  size_t failures();

 private:
  void OnForwarding(const inventory::Host& host) override;
  void OnFailed(const inventory::Host& host, const ssh::Failure& failure) override;
  void OnReachedHere(int error) override;
  void OnFirstRoundOver(size_t forwarding) override;
  bool Wait(const std::function<bool()>& is_there,
            std::chrono::milliseconds most = std::chrono::seconds(20));

  inventory::Host host_;
  std::unique_ptr<ReverseForwards> forwards_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t forwarding_ = 0;
  std::vector<std::string> failures_;
  std::vector<int> reached_;
  std::vector<size_t> first_rounds_;
};

}  // namespace fleetsync::tunnel
