#include "controller/ssh/dialer.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

constexpr Duration kStagger = std::chrono::milliseconds(250);  // RFC 8305 8

struct AddressListDeleter {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, AddressListDeleter>;

// The error is one of getaddrinfo's.
std::pair<int, AddressList> Lookup(const std::string& name, uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(name.c_str(), fmt::to_string(port).c_str(), &hints, &list);
  return {error, AddressList(error == 0 ? list : nullptr)};
}

SocketAddress ToAddress(const addrinfo& info) {
  SocketAddress address;
  std::memcpy(&address.storage, info.ai_addr, info.ai_addrlen);
  address.size = info.ai_addrlen;
  return address;
}

}  // namespace

std::optional<SocketAddress> ParseAddress(const std::string& text, uint16_t port) {
  const auto [error, list] = Lookup(text, port, AI_NUMERICHOST);
  if (list == nullptr) return std::nullopt;
  return ToAddress(*list);
}

StatusOr<std::vector<SocketAddress>> Resolve(const std::string& name, uint16_t port) {
  const auto [error, list] = Lookup(name, port, AI_ADDRCONFIG);
  if (list == nullptr) {
    const std::string text = fmt::format("{}: {}", Printable(name), gai_strerror(error));
    if (error == EAI_AGAIN || error == EAI_SYSTEM || error == EAI_MEMORY)
      return absl::UnavailableError(text);
    return absl::NotFoundError(text);
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next)
    addresses.push_back(ToAddress(*info));
  return addresses;
}

Dialer::Dialer(EventLoop& loop, std::vector<SocketAddress> addresses, Done done)
    : loop_(loop), addresses_(std::move(addresses)), done_(std::move(done)) {}

Dialer::~Dialer() {
  if (stagger_) loop_.Cancel(*stagger_);
  for (const Attempt& attempt : attempts_) {
    loop_.Unwatch(attempt.watch);
    close(attempt.fd);
  }
}

void Dialer::TryNext() {
  if (stagger_) loop_.Cancel(*stagger_);
  stagger_.reset();
  while (next_ < addresses_.size()) {
    const SocketAddress& address = addresses_[next_++];
    const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      last_error_ = errno;
      continue;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0)
      return Finish(fd, 0);
    StatusOr<EventLoop::WatchId> watch = absl::UnavailableError("");
    if (errno == EINPROGRESS)
      watch = loop_.Watch(fd, EPOLLOUT, [this, fd](uint32_t) { OnWritable(fd); });
    else
      last_error_ = errno;
    if (!watch.ok()) {
      if (last_error_ == 0) last_error_ = ENOMEM;
      close(fd);
      continue;
    }
    attempts_.push_back({.fd = fd, .watch = *watch});
    if (next_ < addresses_.size()) stagger_ = loop_.After(kStagger, [this] { TryNext(); });
    return;
  }
  if (attempts_.empty()) Finish(-1, last_error_);
}

void Dialer::OnWritable(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  Forget(fd);
  if (error == 0) return Finish(fd, 0);
  close(fd);
  last_error_ = error;
  TryNext();
}

void Dialer::Forget(int fd) {
  const auto it = std::find_if(attempts_.begin(), attempts_.end(),
                               [fd](const Attempt& attempt) { return attempt.fd == fd; });
  loop_.Unwatch(it->watch);
  attempts_.erase(it);
}

void Dialer::Finish(int fd, int error) {
  const Done done = std::move(done_);  // it may destroy this
  done(fd, error);
}

}  // namespace fleetsync::ssh
