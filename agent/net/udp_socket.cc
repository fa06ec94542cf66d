#include "agent/net/udp_socket.h"

#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "agent/net/address_text.h"
#include "fmt/format.h"

namespace fleetsync::net {
namespace {

// Software stamps on both ways. Those of departures come back without the datagram.
constexpr int kStampBothWays = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
                               SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY |
                               SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_CMSG;

void AskForStamps(int fd) {
  if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &kStampBothWays, sizeof kStampBothWays) == 0) {
    return;
  }
  const int on = 1;  // an older kernel: arrivals alone
  static_cast<void>(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on));
}

// The first of SCM_TIMESTAMPING's three stamps is the kernel's, as the one of SCM_TIMESTAMPNS.
std::optional<SystemTime> KernelStamp(msghdr& message) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    const bool is_stamp = c->cmsg_level == SOL_SOCKET &&
                          (c->cmsg_type == SCM_TIMESTAMPNS || c->cmsg_type == SCM_TIMESTAMPING);
    if (!is_stamp || c->cmsg_len < CMSG_LEN(sizeof(timespec))) continue;
    timespec stamp{};
    std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
    if (stamp.tv_sec == 0 && stamp.tv_nsec == 0) continue;  // hardware's alone
    return SystemTime(std::chrono::seconds(stamp.tv_sec) + std::chrono::nanoseconds(stamp.tv_nsec));
  }
  return std::nullopt;
}

// recvmsg() with one iovec and room for what the kernel adds.
struct Message {
  explicit Message(std::span<std::byte> buffer) : part{buffer.data(), buffer.size()} {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  iovec part;
  alignas(cmsghdr) char control[256];
  msghdr header{};
};

}  // namespace

StatusOr<UdpSocket> UdpSocket::Connect(const ntp::Address& address, Timestamping timestamping) {
  const SocketAddress to = ToSocketAddress(address);
  UdpSocket s(socket(to.storage.ss_family, SOCK_DGRAM, 0));
  if (!s.fd_.open()) return ErrnoStatus(errno, "opening a UDP socket");
  // Refused by simulators, and not needed there: poll() says what is ready.
  static_cast<void>(fcntl(s.fd(), F_SETFD, FD_CLOEXEC));
  static_cast<void>(fcntl(s.fd(), F_SETFL, O_NONBLOCK));
  if (timestamping == Timestamping::kKernel) AskForStamps(s.fd());
  if (connect(s.fd(), reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0) {
    return ErrnoStatus(errno, fmt::format("connecting to {}", AddressText(address)));
  }
  return s;
}

Status UdpSocket::Send(std::span<const std::byte> bytes) {
  if (send(fd(), bytes.data(), bytes.size(), 0) < 0) return ErrnoStatus(errno, "sending a request");
  return absl::OkStatus();
}

std::optional<SystemTime> UdpSocket::ReceiveSentStamp() {
  std::array<std::byte, 64> nothing;
  Message message(nothing);
  if (recvmsg(fd(), &message.header, MSG_ERRQUEUE) < 0) return std::nullopt;
  return KernelStamp(message.header);
}

StatusOr<std::optional<Datagram>> UdpSocket::Receive(std::span<std::byte> buffer) {
  Message message(buffer);
  const ssize_t size = recvmsg(fd(), &message.header, 0);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    return std::optional<Datagram>();
  }
  if (size < 0) return ErrnoStatus(errno, "receiving an answer");
  if ((message.header.msg_flags & MSG_TRUNC) != 0) return std::optional<Datagram>();
  return std::optional<Datagram>({static_cast<size_t>(size), KernelStamp(message.header)});
}

}  // namespace fleetsync::net
