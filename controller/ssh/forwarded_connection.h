#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controller/ssh/dialer.h"
#include "controller/ssh/event_loop.h"
#include "controller/ssh/forward_channel.h"

namespace fleetsync::ssh {

// Carries what comes over a host's port to a socket here and back. Each direction ends by itself;
// a side that does not read holds the other up. Belongs to the loop's thread.
class ForwardedConnection {
 public:
  struct Events {
    // There is something to Carry. May be called in Start; this may be destroyed in it.
    std::function<void()> on_ready;
    std::function<void(int error)> on_dialed;  // 0: connected
  };

  ForwardedConnection(EventLoop& loop, std::unique_ptr<ForwardChannel> channel, Events events);
  ~ForwardedConnection();
  ForwardedConnection(const ForwardedConnection&) = delete;
  ForwardedConnection& operator=(const ForwardedConnection&) = delete;

  void Start(const SocketAddress& to);
  // One step in each direction. True: something moved, and more may.
  bool Carry();
  // Both directions have ended, or one side is gone.
  bool over() const { return over_; }
  // Listens for what the next Carry needs. After the last one.
  void UpdateInterest();

 private:
  void OnDialed(int fd, int error);
  void TellReady();
  bool CarryIn();
  bool CarryOut();
  void CloseSocket();

  EventLoop& loop_;
  const std::unique_ptr<ForwardChannel> channel_;
  const Events events_;
  std::unique_ptr<Dialer> dialer_;
  int fd_ = -1;
  EventLoop::WatchId watch_ = 0;
  bool readable_ = false, writable_ = false;   // as far as is known
  bool in_ended_ = false, out_ended_ = false;  // from the host, to the host
  std::string out_;                            // read from the socket, not yet in the channel
  size_t out_at_ = 0;
  bool over_ = false;
};

}  // namespace fleetsync::ssh
