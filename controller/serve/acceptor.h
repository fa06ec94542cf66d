#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "controller/serve/connection_table.h"
#include "controller/serve/listen_address.h"

namespace fleetsync::serve {

// Accepts connections before gRPC sees them, so that those who only connect are few and do not
// stay: beyond the limits a connection is closed at once, and one that brings no accepted stream in
// time is shut down, by the monotonic clock. So is one with more streams than it may have, and,
// while the process uses more memory than it should, those that have brought most. One thread of
// its own.
class Acceptor {
 public:
  // Takes over the descriptor.
  using OnConnection = std::function<void(int fd)>;
  // One was refused: why.
  using OnRefused = std::function<void(const std::string& why)>;

  // Binds and listens. Nothing is accepted before Begin.
  static StatusOr<std::unique_ptr<Acceptor>> Listen(const ListenAddress& address,
                                                    const ConnectionLimits& limits);
  virtual ~Acceptor() = default;

  virtual int port() const = 0;
  // Starts the thread, which calls these.
  virtual Status Begin(OnConnection on_connection, OnRefused on_refused) = 0;

  // Any thread; `peer` as gRPC's context tells it. A stream of it begins; is over.
  virtual void OnStream(std::string_view peer) = 0;
  virtual void OnStreamOver(std::string_view peer) = 0;
  // A stream of it has been accepted; is over.
  virtual void OnIntroduced(std::string_view peer) = 0;
  virtual void OnEnded(std::string_view peer) = 0;

  // Accepts no more; connections that gRPC has are its own.
  virtual void Stop() = 0;
};

}  // namespace fleetsync::serve
