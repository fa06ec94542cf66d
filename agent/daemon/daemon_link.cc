#include "agent/daemon/daemon_link.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/net/address_text.h"
#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

StatusOr<sockaddr_un> UnixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError(fmt::format("{} is too long for a socket", path));
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

}  // namespace

StatusOr<DaemonLink> DaemonLink::ConnectUnix(const std::string& path) {
  const std::string doing = fmt::format("opening a socket beside {}", path);
  const std::string folder = path.substr(0, path.rfind('/'));
  const std::string own = fmt::format("{}/fleetsync-agent.{}.sock", folder, getpid());
  FS_ASSIGN_OR_RETURN(const sockaddr_un to, UnixAddress(path));
  FS_ASSIGN_OR_RETURN(const sockaddr_un from, UnixAddress(own));
  DaemonLink link(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!link.fd_.open()) return ErrnoStatus(errno, doing);
  unlink(own.c_str());  // of a process with our number that was killed
  if (bind(link.fd(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0)
    return ErrnoStatus(errno, doing);
  link.own_path_ = own;
  // The daemon has a user of its own; whoever else may enter the folder could send to it as well.
  if (chmod(own.c_str(), 0666) != 0 ||
      connect(link.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    return ErrnoStatus(errno, doing);
  }
  return link;
}

StatusOr<DaemonLink> DaemonLink::ConnectUdp(const std::string& address, uint16_t port) {
  const auto numeric = net::ParseNumericAddress(address, port);
  if (!numeric) return absl::InvalidArgumentError(fmt::format("{} is no address", address));
  const std::string doing = fmt::format("opening a socket to {} port {}", address, port);
  const net::SocketAddress to = net::ToSocketAddress(*numeric);
  DaemonLink link(socket(to.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!link.fd_.open()) return ErrnoStatus(errno, doing);
  if (connect(link.fd(), reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0)
    return ErrnoStatus(errno, doing);
  return link;
}

DaemonLink::DaemonLink(DaemonLink&& other) noexcept
    : fd_(std::move(other.fd_)), own_path_(std::exchange(other.own_path_, {})) {}

DaemonLink& DaemonLink::operator=(DaemonLink&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(own_path_, other.own_path_);
  return *this;
}

DaemonLink::~DaemonLink() {
  if (!own_path_.empty()) unlink(own_path_.c_str());
}

Status DaemonLink::Send(std::span<const std::byte> bytes) const {
  if (send(fd(), bytes.data(), bytes.size(), 0) < 0) return ErrnoStatus(errno, "asking the daemon");
  return absl::OkStatus();
}

StatusOr<std::optional<size_t>> DaemonLink::Receive(std::span<std::byte> buffer) const {
  const ssize_t size = recv(fd(), buffer.data(), buffer.size(), 0);
  if (size >= 0) return std::optional(static_cast<size_t>(size));
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return std::optional<size_t>();
  return ErrnoStatus(errno, "asking the daemon");
}

}  // namespace fleetsync::daemon
