#pragma once

#include <functional>
#include <string>

#include "base/status.h"

namespace fleetsync::relay {

// A unix socket that gives whoever connects one text and hangs up. Who may, the socket's
// permissions say: its owner and group.
class StatusSocket {
 public:
  // Replaces a socket that nobody listens on. FailedPrecondition: a relay listens there.
  static StatusOr<StatusSocket> Listen(const std::string& path);
  StatusSocket(StatusSocket&& other) noexcept;
  StatusSocket& operator=(StatusSocket&&) = delete;
  ~StatusSocket();  // removes it

  int fd() const { return fd_; }
  // When fd() is readable. Never blocks: who does not read gets what fits.
  void Answer(const std::function<std::string()>& text);

 private:
  StatusSocket(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  int fd_;
  std::string path_;
};

// What the relay behind `path` tells. NotFound: there is none.
StatusOr<std::string> AskStatus(const std::string& path);

}  // namespace fleetsync::relay
