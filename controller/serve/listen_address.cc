#include "controller/serve/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::serve {
namespace {

// Whether the address is the loopback's; nothing when it is no address.
std::optional<bool> IsLoopback(const std::string& address) {
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, address.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6) != 0;
  return std::nullopt;
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

}  // namespace

std::string ListenAddress::ToString() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const bool v6 = host.find(':') != std::string_view::npos;
  const std::optional<bool> loopback = IsLoopback(std::string(host));
  const std::optional<uint16_t> port =
      colon == std::string_view::npos ? std::nullopt : ParsePort(text.substr(colon + 1));
  if (!loopback || !port || v6 != brackets)
    return absl::InvalidArgumentError(fmt::format(
        "'{}' is not an address to listen on; write ADDRESS:PORT with a numeric address, "
        "such as 127.0.0.1:7312 or [::1]:7312",
        Printable(text)));
  return ListenAddress{.host = std::string(host), .port = *port, .loopback = *loopback};
}

Status CheckFree(const ListenAddress& address) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (address.host.find(':') == std::string::npos) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr);
    size = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr);
    size = sizeof v6;
  }
  const std::string doing = "listening on " + address.ToString();
  const int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return ErrnoStatus(errno, doing);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // as gRPC does
  const bool bound =
      bind(fd, reinterpret_cast<const sockaddr*>(&storage), size) == 0 && listen(fd, 1) == 0;
  const int error = errno;
  close(fd);
  return bound ? absl::OkStatus() : ErrnoStatus(error, doing);
}

Status CheckPlainText(const ListenAddress& address, PlainText allowed) {
  if (!allowed.insecure)
    return absl::FailedPreconditionError(
        "--insecure-network says where plain text may be heard; --insecure asks for plain text");
  if (!address.loopback && !allowed.insecure_network)
    return absl::FailedPreconditionError(fmt::format(
        "{} can be reached from other machines, and without TLS whoever reaches it can report for "
        "any host; listen on 127.0.0.1, or accept that on a closed network with --insecure-network",
        address.ToString()));
  return absl::OkStatus();
}

}  // namespace fleetsync::serve
