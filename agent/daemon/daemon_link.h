#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "base/descriptor.h"
#include "base/status.h"

namespace fleetsync::daemon {

// A datagram socket to a daemon on this host, over loopback or a Unix socket of its own. Never
// blocks.
class DaemonLink {
 public:
  // `path`: the daemon's socket. Ours is made in the folder beside it, where the daemon can write
  // to it, and removed at the end. Fails where this process may not do that.
  static StatusOr<DaemonLink> ConnectUnix(const std::string& path);
  // `address`: "127.0.0.1", "::1".
  static StatusOr<DaemonLink> ConnectUdp(const std::string& address, uint16_t port);

  DaemonLink(DaemonLink&& other) noexcept;
  DaemonLink& operator=(DaemonLink&& other) noexcept;
  DaemonLink(const DaemonLink&) = delete;
  DaemonLink& operator=(const DaemonLink&) = delete;
  ~DaemonLink();

  int fd() const { return fd_.get(); }
  Status Send(std::span<const std::byte> bytes) const;
  // None: nothing is there (any more). An error: nobody listens.
  StatusOr<std::optional<size_t>> Receive(std::span<std::byte> buffer) const;

 private:
  explicit DaemonLink(int fd) : fd_(fd) {}

  Descriptor fd_;
  std::string own_path_;  // of our end; empty: it has none
};

}  // namespace fleetsync::daemon
