#include "tests/controller/tunnel/forward_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "gtest/gtest.h"

namespace fleetsync::tunnel {
namespace {

constexpr int kMostMilliseconds = 20'000;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool WaitUntil(int fd, short events, int milliseconds = kMostMilliseconds) {
  pollfd ready{.fd = fd, .events = events, .revents = 0};
  return poll(&ready, 1, milliseconds) == 1;
}

uint16_t PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

}  // namespace

Socket::Socket(int fd) : fd_(fd) { EXPECT_GE(fd, 0); }

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

Socket Socket::Connect(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
      << "port " << port << ", errno " << errno;
  return Socket(fd);
}

void Socket::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    ASSERT_TRUE(WaitUntil(fd_, POLLOUT)) << bytes.size() << " bytes are not taken";
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return;  // the other side is gone: what it says tells
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void Socket::SendEnd() { shutdown(fd_, SHUT_WR); }

std::string Socket::Receive(size_t size) {
  std::string bytes;
  std::array<char, 65536> block;
  while (bytes.size() < size) {
    EXPECT_TRUE(WaitUntil(fd_, POLLIN)) << "nothing comes after " << bytes.size() << " bytes";
    const ssize_t n =
        recv(fd_, block.data(), std::min(block.size(), size - bytes.size()), MSG_DONTWAIT);
    if (n <= 0) return bytes;
    bytes.append(block.data(), static_cast<size_t>(n));
  }
  return bytes;
}

size_t Socket::Fill(std::chrono::milliseconds patience) {
  const std::string block(65536, 'x');
  size_t sent = 0;
  while (WaitUntil(fd_, POLLOUT, static_cast<int>(patience.count()))) {
    const ssize_t n = send(fd_, block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return sent;
    sent += static_cast<size_t>(n);
  }
  return sent;
}

Server::Server(std::function<void(Socket&)> serve, int buffer) : serve_(std::move(serve)) {
  listener_ = ListenOn(0);
  if (buffer > 0) setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  port_ = PortOf(listener_);
  thread_ = std::thread([this] {
    for (int fd = accept(listener_, nullptr, nullptr); fd >= 0;
         fd = accept(listener_, nullptr, nullptr))
      served_.emplace_back([this, fd] {
        Socket socket(fd);
        serve_(socket);
      });
  });
}

Server::~Server() {
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  for (std::thread& served : served_) served.join();
  close(listener_);
}

void Echo(Socket& socket) {
  for (std::string bytes = socket.Receive(1); !bytes.empty(); bytes = socket.Receive(1)) {
    std::array<char, 65536> block;
    const ssize_t more = recv(socket.fd(), block.data(), block.size(), MSG_DONTWAIT);
    if (more > 0) bytes.append(block.data(), static_cast<size_t>(more));
    socket.Send(bytes);
  }
}

int ListenOn(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = Loopback(port);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(listen(fd, 128), 0);
  return fd;
}

uint16_t FreePort() {
  const int fd = ListenOn(0);
  const uint16_t port = PortOf(fd);
  close(fd);
  return port;
}

World::World(const std::string& sshd_config) : sshd(sshd_config), host_(sshd.Host()) {
  options.host_port = FreePort();
  options.to = "127.0.0.1";
  options.first_retry = options.longest_retry = std::chrono::milliseconds(10);
  options.keepalive = std::chrono::seconds(10);
  options.fleet = ssh::QuickOptions();
}

World::~World() { Stop(); }

void World::Start(uint16_t to) {
  options.to_port = to;
  StatusOr<std::unique_ptr<ReverseForwards>> forwards =
      ReverseForwards::Create({&host_}, options, *this);
  ASSERT_TRUE(forwards.ok()) << forwards.status();
  forwards_ = *std::move(forwards);
  forwards_->Start();
}

void World::StartForwarding(uint16_t to) {
  Start(to);
  WaitForForwarding(1);
}

bool World::Wait(const std::function<bool()>& is_there, std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, most, is_there);
}

void World::WaitForForwarding(size_t times) {
  ASSERT_TRUE(Wait([&] { return forwarding_ >= times; }))
      << "forwarding " << forwarding_ << " times; "
      << (failures_.empty() ? "no failure" : failures_.back());
}

std::string World::WaitForFailure(size_t which) {
  EXPECT_TRUE(Wait([&] { return failures_.size() > which; }));
  const std::lock_guard lock(mutex_);
  return failures_.size() > which ? failures_[which] : "";
}

int World::WaitForReached(size_t which) {
  EXPECT_TRUE(Wait([&] { return reached_.size() > which; }));
  const std::lock_guard lock(mutex_);
  return reached_.size() > which ? reached_[which] : -1;
}

size_t World::WaitForFirstRound() {
  EXPECT_TRUE(Wait([&] { return !first_rounds_.empty(); }));
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(first_rounds_.size(), 1u);
  return first_rounds_.front();
}

bool World::FailsWithin(std::chrono::milliseconds time) {
  return Wait([&] { return !failures_.empty(); }, time);
}

size_t World::failures() {
  const std::lock_guard lock(mutex_);
  return failures_.size();
}

void World::OnForwarding(const inventory::Host& host) {
  EXPECT_EQ(host.name, host_.name);
  const std::lock_guard lock(mutex_);
  ++forwarding_;
  changed_.notify_all();
}

void World::OnFailed(const inventory::Host&, const ssh::Failure& failure) {
  const std::lock_guard lock(mutex_);
  failures_.push_back(ToString(failure));
  changed_.notify_all();
}

void World::OnReachedHere(int error) {
  const std::lock_guard lock(mutex_);
  reached_.push_back(error);
  changed_.notify_all();
}

void World::OnFirstRoundOver(size_t forwarding) {
  const std::lock_guard lock(mutex_);
  first_rounds_.push_back(forwarding);
  changed_.notify_all();
}

}  // namespace fleetsync::tunnel
