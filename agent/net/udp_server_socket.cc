#include "agent/net/udp_server_socket.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "agent/net/address_text.h"
#include "agent/net/port_owner.h"
#include "fmt/format.h"

namespace fleetsync::net {
namespace {

// Each request in cache lines of its own, at distances that do not fall into the same cache sets.
constexpr size_t kStride = UdpServerSocket::kLargestRequest + 64;
constexpr size_t kReceiveControl =
    CMSG_SPACE(sizeof(timespec)) + CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo));
constexpr size_t kSendControl = CMSG_SPACE(sizeof(in6_pktinfo));

bool IsWildcard(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr == INADDR_ANY;
  }
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

Status Set(int fd, int level, int option, int value, const char* doing) {
  if (setsockopt(fd, level, option, &value, sizeof value) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, doing);
}

// As much as is allowed: beyond net.core.rmem_max with CAP_NET_ADMIN alone.
void SetReceiveBuffer(int fd, size_t bytes) {
  const int size = static_cast<int>(bytes);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == 0) return;
  static_cast<void>(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
}

Status Prepare(int fd, int family, bool wildcard, const ServerSocketOptions& options) {
  if (family == AF_INET6) {
    FS_RETURN_IF_ERROR(Set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, "taking IPv6 alone"));
  }
  // A datagram to one of many addresses: the answer must leave from it.
  if (wildcard && family == AF_INET) {
    FS_RETURN_IF_ERROR(Set(fd, IPPROTO_IP, IP_PKTINFO, 1, "asking for the address asked"));
  }
  if (wildcard && family == AF_INET6) {
    FS_RETURN_IF_ERROR(Set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "asking for the address asked"));
  }
  FS_RETURN_IF_ERROR(Set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1, "asking for receive stamps"));
  SetReceiveBuffer(fd, options.receive_buffer);
  const auto wait = std::chrono::duration_cast<std::chrono::microseconds>(options.wait);
  const timeval timeout{wait.count() / 1'000'000, wait.count() % 1'000'000};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0) {
    return ErrnoStatus(errno, "setting the receive time-out");
  }
  return absl::OkStatus();
}

Status BindError(int error, const ntp::Address& address) {
  const std::string place = fmt::format("{} port {}", AddressText(address), address.port);
  if (error == EADDRINUSE) {
    const std::string owner = UdpPortOwner(address.port);
    return absl::FailedPreconditionError(
        fmt::format("{} is taken{}; stop it, or choose another address or port", place,
                    owner.empty() ? " by another program" : " by " + owner));
  }
  if (error == EACCES) {
    return absl::PermissionDeniedError(
        fmt::format("{}: a port below 1024 needs root or CAP_NET_BIND_SERVICE", place));
  }
  if (error == EADDRNOTAVAIL) {
    return absl::FailedPreconditionError(
        fmt::format("{} is not an address of this machine", AddressText(address)));
  }
  return ErrnoStatus(error, fmt::format("binding to {}", place));
}

cmsghdr* Find(const msghdr& message, int level, int type) {
  // CMSG_NXTHDR does not change the message, whatever its type says.
  auto& m = const_cast<msghdr&>(message);
  for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
    if (c->cmsg_level == level && c->cmsg_type == type) return c;
  }
  return nullptr;
}

std::optional<SystemTime> KernelStamp(const msghdr& message) {
  const cmsghdr* const c = Find(message, SOL_SOCKET, SCM_TIMESTAMPNS);
  if (c == nullptr) return std::nullopt;
  timespec stamp{};
  std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
  return SystemTime(std::chrono::seconds(stamp.tv_sec) + std::chrono::nanoseconds(stamp.tv_nsec));
}

template <class Info>
size_t Write(std::span<char> out, int level, int type, const Info& info) {
  auto* const c = reinterpret_cast<cmsghdr*>(out.data());
  *c = {.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = level, .cmsg_type = type};
  std::memcpy(CMSG_DATA(c), &info, sizeof info);
  return CMSG_SPACE(sizeof info);
}

// What a datagram that goes back says of its own address: the one that was asked. The bytes
// written; 0: the socket has but one.
size_t WriteAskedAddress(const msghdr& asked, std::span<char> out) {
  if (const cmsghdr* const c = Find(asked, IPPROTO_IP, IP_PKTINFO)) {
    in_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(c), sizeof info);
    info.ipi_ifindex = 0;  // the routes say which
    return Write(out, IPPROTO_IP, IP_PKTINFO, info);
  }
  if (const cmsghdr* const c = Find(asked, IPPROTO_IPV6, IPV6_PKTINFO)) {
    in6_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(c), sizeof info);
    if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
    return Write(out, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  return 0;
}

}  // namespace

struct UdpServerSocket::Buffers {
  Buffers() {
    for (size_t i = 0; i < kBatch; ++i) {
      in_parts[i] = {requests.data() + i * kStride, kLargestRequest};
      msghdr& in_header = in[i].msg_hdr;
      in_header.msg_iov = &in_parts[i];
      in_header.msg_iovlen = 1;
      in_header.msg_name = &names[i];
      in_header.msg_control = in_control[i].data();
      msghdr& out_header = out[i].msg_hdr;
      out_header.msg_iov = &out_parts[i];
      out_header.msg_iovlen = 1;
    }
  }

  size_t replies = 0;
  std::array<mmsghdr, kBatch> in{};
  std::array<mmsghdr, kBatch> out{};
  std::array<iovec, kBatch> in_parts{};
  std::array<iovec, kBatch> out_parts{};
  std::array<sockaddr_in6, kBatch> names{};  // room for both families
  alignas(cmsghdr) std::array<std::array<char, kReceiveControl>, kBatch> in_control{};
  alignas(cmsghdr) std::array<std::array<char, kSendControl>, kBatch> out_control{};
  alignas(64) std::array<std::byte, kBatch * kStride> requests{};
  alignas(64) std::array<std::array<std::byte, kLargestReply>, kBatch> answers{};
};

UdpServerSocket::UdpServerSocket(int fd) : fd_(fd), buffers_(std::make_unique<Buffers>()) {}
UdpServerSocket::UdpServerSocket(UdpServerSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), buffers_(std::move(other.buffers_)) {}
UdpServerSocket& UdpServerSocket::operator=(UdpServerSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(buffers_, other.buffers_);
  return *this;
}
UdpServerSocket::~UdpServerSocket() {
  if (fd_ >= 0) close(fd_);
}

StatusOr<UdpServerSocket> UdpServerSocket::Open(const ntp::Address& address, bool shared,
                                                const ServerSocketOptions& options) {
  const SocketAddress to = ToSocketAddress(address);
  const int family = to.storage.ss_family;
  UdpServerSocket s(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (s.fd_ < 0) return ErrnoStatus(errno, fmt::format("listening on {}", AddressText(address)));
  FS_RETURN_IF_ERROR(Prepare(s.fd_, family, IsWildcard(to.storage), options));
  if (shared) FS_RETURN_IF_ERROR(Set(s.fd_, SOL_SOCKET, SO_REUSEPORT, 1, "sharing the port"));
  if (bind(s.fd_, reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0) {
    return BindError(errno, address);
  }
  return s;
}

StatusOr<std::vector<UdpServerSocket>> UdpServerSocket::Listen(const ntp::Address& address,
                                                               size_t count,
                                                               const ServerSocketOptions& options) {
  const bool shared = count > 1;
  // The kernel would let a second relay of the same user take half of the first one's clients.
  if (shared && address.port != 0) {
    FS_RETURN_IF_ERROR(Open(address, /*shared=*/false, options).status());
  }
  std::vector<UdpServerSocket> sockets;
  ntp::Address bound = address;
  while (sockets.size() < count) {
    FS_ASSIGN_OR_RETURN(auto socket, Open(bound, shared, options));
    bound.port = socket.port();
    sockets.push_back(std::move(socket));
  }
  if (shared) FS_RETURN_IF_ERROR(sockets[0].SpreadByClient(count));
  return sockets;
}

Status UdpServerSocket::SpreadByClient(size_t count) const {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
  const bool ipv4 = own.ss_family == AF_INET;
  // The sender's address in the IP header; of IPv6 the lower half.
  constexpr auto kHeader = static_cast<uint32_t>(SKF_NET_OFF);
  const sock_filter other_half = ipv4
                                     ? sock_filter BPF_STMT(BPF_LD | BPF_IMM, 0)
                                     : sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kHeader + 16);
  sock_filter code[] = {
      other_half,
      BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x85ebca6b),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kHeader + (ipv4 ? 12 : 20)),
      BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
      BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1),
      BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, static_cast<uint32_t>(count)),
      BPF_STMT(BPF_RET | BPF_A, 0),
  };
  const sock_fprog program{static_cast<uint16_t>(std::size(code)), code};
  if (setsockopt(fd_, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) != 0) {
    return ErrnoStatus(errno, "spreading clients over workers");
  }
  return absl::OkStatus();
}

uint16_t UdpServerSocket::port() const {
  sockaddr_in6 own{};  // the port of both families is at the same place
  socklen_t size = sizeof own;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
  return ntohs(own.sin6_port);
}

size_t UdpServerSocket::receive_buffer() const {
  int bytes = 0;
  socklen_t size = sizeof bytes;
  getsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, &size);
  return static_cast<size_t>(bytes);
}

uint64_t UdpServerSocket::dropped() const {
  std::array<uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, info.data(), &size);
  return info[SK_MEMINFO_DROPS];
}

size_t UdpServerSocket::Receive() {
  Buffers& b = *buffers_;
  b.replies = 0;
  for (mmsghdr& message : b.in) {
    message.msg_hdr.msg_namelen = sizeof(sockaddr_in6);
    message.msg_hdr.msg_controllen = kReceiveControl;
  }
  // An error is an answer of ours that the network did not like: there is nothing to do about it.
  return static_cast<size_t>(
      std::max(0, recvmmsg(fd_, b.in.data(), kBatch, MSG_WAITFORONE, nullptr)));
}

void UdpServerSocket::Interrupt() {
  // An error is told for a socket without a peer, and those who wait are woken all the same.
  static_cast<void>(shutdown(fd_, SHUT_RD));
}

std::optional<UdpServerSocket::Incoming> UdpServerSocket::At(size_t i) const {
  const mmsghdr& message = buffers_->in[i];
  if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) return std::nullopt;
  const auto* const name = static_cast<const sockaddr_in6*>(message.msg_hdr.msg_name);
  const uint16_t port = ntohs(name->sin6_port);
  const auto from = FromSocketAddress(reinterpret_cast<const sockaddr*>(name), port);
  if (!from || port == 0) return std::nullopt;
  return Incoming{
      {static_cast<const std::byte*>(message.msg_hdr.msg_iov->iov_base), message.msg_len},
      *from,
      KernelStamp(message.msg_hdr)};
}

std::span<std::byte, UdpServerSocket::kLargestReply> UdpServerSocket::ReplyBuffer(size_t i) {
  return buffers_->answers[i];
}

void UdpServerSocket::Reply(size_t i, size_t size) {
  Buffers& b = *buffers_;
  const msghdr& in = b.in[i].msg_hdr;
  const size_t at = b.replies++;
  msghdr& out = b.out[at].msg_hdr;
  b.out_parts[at] = {b.answers[i].data(), size};
  out.msg_name = in.msg_name;
  out.msg_namelen = in.msg_namelen;
  out.msg_controllen = WriteAskedAddress(in, b.out_control[at]);
  out.msg_control = out.msg_controllen == 0 ? nullptr : b.out_control[at].data();
}

size_t UdpServerSocket::Flush() {
  Buffers& b = *buffers_;
  size_t taken = 0;
  // One that cannot be sent ends the call: the rest is tried again without it.
  for (size_t first = 0; first < b.replies;) {
    const int sent =
        sendmmsg(fd_, &b.out[first], static_cast<unsigned>(b.replies - first), MSG_DONTWAIT);
    taken += static_cast<size_t>(std::max(sent, 0));
    first += static_cast<size_t>(std::max(sent, 1));
  }
  return taken;
}

}  // namespace fleetsync::net
