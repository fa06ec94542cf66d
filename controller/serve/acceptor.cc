#include "controller/serve/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "base/clock_read.h"
#include "base/mutex.h"
#include "base/text.h"
#include "controller/serve/memory_use.h"
#include "fmt/format.h"

namespace fleetsync::serve {
namespace {

constexpr int kTickMs = 500, kStrangersTickMs = 100;
constexpr int kListener = -1, kStopEvent = -2;  // epoll's data; others are connections' descriptors
constexpr int kAcceptAtOnce = 256;
constexpr uint64_t kFlood = 64 * 1024;  // bytes between two looks, of a host that is known

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

struct Watched {
  std::string peer;
  uint64_t received = 0;  // bytes, at the last look
  uint64_t weight = 0;
};

class EpollAcceptor final : public Acceptor {
 public:
  EpollAcceptor(int listener, int port, const ConnectionLimits& limits)
      : listener_(listener),
        port_(port),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        stop_(eventfd(0, EFD_CLOEXEC)),
        limits_(limits),
        table_(limits) {
    ReserveDescriptor();
  }
  ~EpollAcceptor() override {
    Stop();
    for (const auto& [fd, watched] : watched_) close(fd);
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

  void OnStream(std::string_view peer) override {
    const MutexLock lock(mutex_);
    table_.OnStream(WithoutPercents(peer));
  }
  void OnStreamOver(std::string_view peer) override {
    const MutexLock lock(mutex_);
    table_.OnStreamOver(WithoutPercents(peer));
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
      const int count = epoll_wait(epoll_, events.data(), events.size(), TickMs());
      for (int i = 0; i < count; ++i) {
        const int data = events[static_cast<size_t>(i)].data.fd;
        if (data == kStopEvent) return;
        if (data == kListener)
          AcceptAll();
        else
          Forget(data);
      }
      ShutDownBad();
      RelieveMemory();
    }
  }
  int TickMs() {
    const MutexLock lock(mutex_);
    return table_.strangers() > 0 ? kStrangersTickMs : kTickMs;
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
    watched_[watched] = {.peer = name.peer};
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
      table_.OnClosed(it->second.peer);
    }
    watched_.erase(it);
    close(fd);
  }

  void ShutDownBad() {
    const MonoTime now = ReadClocks().mono;
    std::vector<std::string> overdue, crowded;
    {
      const MutexLock lock(mutex_);
      overdue = table_.Overdue(now);
      crowded = table_.Crowded();
    }
    if (overdue.empty() && crowded.empty()) return;
    const auto among = [](const std::vector<std::string>& sorted, const std::string& peer) {
      return std::binary_search(sorted.begin(), sorted.end(), peer);
    };
    for (const auto& [fd, watched] : watched_) {
      if (among(overdue, watched.peer)) {
        ShutDown(fd, "no host has spoken on it");
      } else if (among(crowded, watched.peer)) {
        Abort(fd, fmt::format("more than {} streams on it", limits_.streams));
      }
    }
  }

  // Heard as its end by gRPC and, next turn, here.
  void ShutDown(int fd, std::string_view why) {
    shutdown(fd, SHUT_RDWR);
    on_refused_(fmt::format("ended the connection from {}: {}", watched_.at(fd).peer, why));
  }

  // What is on its way is forgotten: the kernel keeps none of a flood.
  void Abort(int fd, std::string_view why) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ShutDown(fd, why);
  }

  // Whoever does not read what it is answered, or has much to be answered, fills the memory.
  void RelieveMemory() {
    size_t limit = limits_.memory_bytes;
    {
      const MutexLock lock(mutex_);
      limit += (table_.size() - table_.strangers()) * limits_.memory_bytes_of_host;
    }
    const std::optional<size_t> used = memory_.AtLeast(limit);
    if (!used) return;
    uint64_t most = 1;
    for (auto& [fd, watched] : watched_) most = std::max(most, Weigh(fd, watched));
    for (const auto& [fd, watched] : watched_)
      if (watched.weight > most / 2)
        Abort(fd, fmt::format("{} MB of memory are in use, of {}, and it has brought most",
                              *used >> 20, limit >> 20));
  }

  // What it has brought: a stranger ever, a host since the last look if that is more than reports.
  uint64_t Weigh(int fd, Watched& watched) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
    const uint64_t all = info.tcpi_bytes_received;
    const uint64_t lately = all - std::exchange(watched.received, all);
    const MutexLock lock(mutex_);
    const bool stranger = table_.IsStranger(watched.peer);
    return watched.weight = stranger ? all : lately < kFlood ? 0 : lately;
  }

  const int listener_, port_, epoll_, stop_;
  int reserve_ = -1;
  OnConnection on_connection_;
  OnRefused on_refused_;
  std::map<int, Watched> watched_;  // the thread's own: duplicates of descriptors
  const ConnectionLimits limits_;
  const MemoryUse memory_;
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
