#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "controller/ssh/event_loop.h"

namespace fleetsync::ssh {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// The address when `text` is a number ("198.18.0.7", "2001:db8::1", "fe80::1%eth0"): no resolver
// is asked.
std::optional<SocketAddress> ParseAddress(const std::string& text, uint16_t port);

// Asks the system's resolver. Blocks. NotFound: no such name; Unavailable: ask again later.
StatusOr<std::vector<SocketAddress>> Resolve(const std::string& name, uint16_t port);

// Connects to the first of several addresses that answers: each next one is tried when the one
// before has failed or is silent for 250 ms (RFC 8305).
class Dialer {
 public:
  // A connected non-blocking socket, or -1 and the errno of the last address. The socket is the
  // callee's. May be called from within Start; the dialer may be destroyed in it.
  using Done = std::function<void(int fd, int error)>;

  Dialer(EventLoop& loop, std::vector<SocketAddress> addresses, Done done);
  ~Dialer();
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  void Start() { TryNext(); }

 private:
  struct Attempt {
    int fd = -1;
    EventLoop::WatchId watch = 0;
  };

  void TryNext();
  void OnWritable(int fd);
  void Forget(int fd);
  void Finish(int fd, int error);

  EventLoop& loop_;
  const std::vector<SocketAddress> addresses_;
  Done done_;
  size_t next_ = 0;
  int last_error_ = 0;
  std::vector<Attempt> attempts_;
  std::optional<EventLoop::TimerId> stagger_;
};

}  // namespace fleetsync::ssh
