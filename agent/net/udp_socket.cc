#include "agent/net/udp_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "agent/net/address_text.h"
#include "fmt/format.h"

namespace fleetsync::net {
namespace {

std::optional<SystemTime> KernelStamp(msghdr& message) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec stamp{};
    std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
    return SystemTime(std::chrono::seconds(stamp.tv_sec) + std::chrono::nanoseconds(stamp.tv_nsec));
  }
  return std::nullopt;
}

}  // namespace

StatusOr<UdpSocket> UdpSocket::Connect(const ntp::Address& address) {
  const SocketAddress to = ToSocketAddress(address);
  UdpSocket s(socket(to.storage.ss_family, SOCK_DGRAM, 0));
  if (s.fd_ < 0) return ErrnoStatus(errno, "opening a UDP socket");
  // Refused by simulators, and not needed there: poll() says what is ready.
  static_cast<void>(fcntl(s.fd_, F_SETFD, FD_CLOEXEC));
  static_cast<void>(fcntl(s.fd_, F_SETFL, O_NONBLOCK));
  const int on = 1;
  static_cast<void>(setsockopt(s.fd_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on));
  if (connect(s.fd_, reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0) {
    return ErrnoStatus(errno, fmt::format("connecting to {}", AddressText(address)));
  }
  return s;
}

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

UdpSocket::~UdpSocket() {
  if (fd_ >= 0) close(fd_);
}

Status UdpSocket::Send(std::span<const std::byte> bytes) {
  if (send(fd_, bytes.data(), bytes.size(), 0) < 0) return ErrnoStatus(errno, "sending a request");
  return absl::OkStatus();
}

StatusOr<std::optional<Datagram>> UdpSocket::Receive(std::span<std::byte> buffer) {
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[256];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t size = recvmsg(fd_, &message, 0);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    return std::optional<Datagram>();
  }
  if (size < 0) return ErrnoStatus(errno, "receiving an answer");
  if ((message.msg_flags & MSG_TRUNC) != 0) return std::optional<Datagram>();
  return std::optional<Datagram>({static_cast<size_t>(size), KernelStamp(message)});
}

}  // namespace fleetsync::net
