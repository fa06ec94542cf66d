#include "controller/serve/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <thread>
#include <utility>

#include "base/clock_read.h"
#include "base/mutex.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::serve {
namespace {

constexpr int kTickMs = 500;
constexpr int kListener = -1, kStopEvent = -2;  // epoll's data; others are connections' descriptors
constexpr int kAcceptAtOnce = 256;

struct PeerName {
  std::string address;  // "192.0.2.1"
  std::string peer;     // "ipv4:192.0.2.1:4711", "ipv6:[2001:db8::1]:4711"
};

PeerName NameOf(const sockaddr_storage& storage) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return {text.data(), fmt::format("ipv4:{}:{}", text.data(), ntohs(v4.sin_port))};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    return {text.data(), fmt::format("ipv4:{}:{}", text.data(), ntohs(v6.sin6_port))};
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return {text.data(), fmt::format("ipv6:[{}]:{}", text.data(), ntohs(v6.sin6_port))};
}

// gRPC writes a peer as a URI: "ipv6:%5B::1%5D:4711".
std::string WithoutPercents(std::string_view uri) {
  std::string text;
  for (size_t i = 0; i < uri.size(); ++i) {
    if (uri.substr(i, 3) == "%5B" || uri.substr(i, 3) == "%5D") {
      text += uri[i + 2] == 'B' ? '[' : ']';
      i += 2;
    } else {
      text += uri[i];
    }
  }
  return text;
}

class EpollAcceptor final : public Acceptor {
 public:
  EpollAcceptor(int listener, int port, const ConnectionLimits& limits)
      : listener_(listener),
        port_(port),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        stop_(eventfd(0, EFD_CLOEXEC)),
        table_(limits) {
    ReserveDescriptor();
  }
  ~EpollAcceptor() override {
    Stop();
    for (const auto& [fd, peer] : watched_) close(fd);
    for (const int fd : {listener_, epoll_, stop_, reserve_})
      if (fd >= 0) close(fd);
  }

  int port() const override { return port_; }

  Status Begin(OnConnection on_connection, OnRefused on_refused) override {
    on_connection_ = std::move(on_connection);
    on_refused_ = std::move(on_refused);
    FS_RETURN_IF_ERROR(Watch(listener_, EPOLLIN, kListener));
    FS_RETURN_IF_ERROR(Watch(stop_, EPOLLIN, kStopEvent));
    thread_ = std::thread([this] { Run(); });
    return absl::OkStatus();
  }

  void OnIntroduced(std::string_view peer) override {
    const MutexLock lock(mutex_);
    table_.OnIntroduced(WithoutPercents(peer));
  }
  void OnEnded(std::string_view peer) override {
    const MonoTime now = ReadClocks().mono;
    const MutexLock lock(mutex_);
    table_.OnEnded(now, WithoutPercents(peer));
  }

  void Stop() override {
    if (!thread_.joinable()) return;
    eventfd_write(stop_, 1);
    thread_.join();
  }

 private:
  // When there is no descriptor left, this one is given up to accept a connection and close it:
  // else it would stay in the queue, and the thread would spin.
  void ReserveDescriptor() { reserve_ = open("/dev/null", O_RDONLY | O_CLOEXEC); }

  Status Watch(int fd, uint32_t events, int data) const {
    epoll_event event{.events = events, .data = {.fd = data}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
    return ErrnoStatus(errno, "watching connections");
  }

  void Run() {
    std::array<epoll_event, 64> events{};
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), kTickMs);
      for (int i = 0; i < count; ++i) {
        const int data = events[static_cast<size_t>(i)].data.fd;
        if (data == kStopEvent) return;
        if (data == kListener)
          AcceptAll();
        else
          Forget(data);
      }
      ShutDownOverdue();
    }
  }

  void AcceptAll() {
    for (int i = 0; i < kAcceptAtOnce; ++i) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const int fd = accept4(listener_, reinterpret_cast<sockaddr*>(&from), &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        Take(fd, NameOf(from));
      } else if (errno == EMFILE || errno == ENFILE) {
        RefuseWithoutDescriptor();
      } else if (errno != ECONNABORTED && errno != EINTR) {
        return;
      }
    }
  }

  void Take(int fd, const PeerName& name) {
    const MonoTime now = ReadClocks().mono;
    const int watched = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (watched < 0) return Refuse(fd, name.address, "no file descriptor is left");
    {
      const MutexLock lock(mutex_);
      if (!table_.Admit(now, name.peer, name.address)) {
        close(watched);
        return Refuse(fd, name.address, "too many connections on which no host has spoken");
      }
    }
    watched_[watched] = name.peer;
    if (!Watch(watched, EPOLLRDHUP, watched).ok()) {
      Forget(watched);
      return Refuse(fd, name.address, "it cannot be watched");
    }
    on_connection_(fd);
  }

  void Refuse(int fd, const std::string& address, std::string_view why) {
    close(fd);
    on_refused_(fmt::format("refused a connection from {}: {}", address, why));
  }

  void RefuseWithoutDescriptor() {
    if (reserve_ >= 0) close(reserve_);
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    ReserveDescriptor();
    on_refused_("refused a connection: no file descriptor is left; raise the limit (ulimit -n)");
  }

  // The connection is over for one side at least: gRPC hears it from its own descriptor.
  void Forget(int fd) {
    const auto it = watched_.find(fd);
    if (it == watched_.end()) return;
    {
      const MutexLock lock(mutex_);
      table_.OnClosed(it->second);
    }
    watched_.erase(it);
    close(fd);
  }

  void ShutDownOverdue() {
    const MonoTime now = ReadClocks().mono;
    std::vector<std::string> overdue;
    {
      const MutexLock lock(mutex_);
      overdue = table_.Overdue(now);
    }
    if (overdue.empty()) return;
    for (const auto& [fd, peer] : watched_) {
      if (std::find(overdue.begin(), overdue.end(), peer) == overdue.end()) continue;
      shutdown(fd, SHUT_RDWR);  // heard as its end by gRPC and, next turn, here
      on_refused_(fmt::format("ended the connection from {}: no host has spoken on it", peer));
    }
  }

  const int listener_, port_, epoll_, stop_;
  int reserve_ = -1;
  OnConnection on_connection_;
  OnRefused on_refused_;
  std::map<int, std::string> watched_;  // the thread's own: duplicates of descriptors, their peers
  Mutex mutex_;
  ConnectionTable table_ FS_GUARDED_BY(mutex_);
  std::thread thread_;
};

int PortOf(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  return ntohs(bound.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(bound).sin_port
                                          : reinterpret_cast<sockaddr_in6&>(bound).sin6_port);
}

}  // namespace

StatusOr<std::unique_ptr<Acceptor>> Acceptor::Listen(const ListenAddress& address,
                                                     const ConnectionLimits& limits) {
  FS_ASSIGN_OR_RETURN(const int listener, OpenListener(address));
  return std::make_unique<EpollAcceptor>(listener, PortOf(listener), limits);
}

}  // namespace fleetsync::serve
