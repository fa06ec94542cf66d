#include "controller/relay/status_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "fmt/format.h"

namespace fleetsync::relay {
namespace {

StatusOr<sockaddr_un> ToAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(fmt::format("{}: too long for a socket's name", path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int Connect(const sockaddr_un& address) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{5, 0};
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return fd;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace

StatusOr<StatusSocket> StatusSocket::Listen(const std::string& path) {
  FS_ASSIGN_OR_RETURN(const sockaddr_un address, ToAddress(path));
  if (const int other = Connect(address); other >= 0) {
    close(other);
    return absl::FailedPreconditionError(
        fmt::format("a relay listens on {} already; give this one another --status-socket", path));
  }
  std::error_code ignored;  // bind() tells what is wrong
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  if (std::filesystem::is_socket(path, ignored)) unlink(path.c_str());
  StatusSocket s(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "");
  if (s.fd_ < 0) return ErrnoStatus(errno, "opening the status socket");
  if (bind(s.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoStatus(errno, fmt::format("making the status socket {}", path));
  }
  s.path_ = path;
  if (chmod(path.c_str(), 0660) != 0 || listen(s.fd_, 8) != 0) {
    return ErrnoStatus(errno, fmt::format("listening on the status socket {}", path));
  }
  return s;
}

StatusSocket::StatusSocket(StatusSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::exchange(other.path_, "")) {}

StatusSocket::~StatusSocket() {
  if (fd_ >= 0) close(fd_);
  if (!path_.empty()) unlink(path_.c_str());
}

void StatusSocket::Answer(const std::function<std::string()>& text) {
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  const std::string bytes = text();
  static_cast<void>(!send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  close(fd);
}

StatusOr<std::string> AskStatus(const std::string& path) {
  FS_ASSIGN_OR_RETURN(const sockaddr_un address, ToAddress(path));
  const int fd = Connect(address);
  if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED)) {
    return absl::NotFoundError(fmt::format("no relay runs behind {}", path));
  }
  if (fd < 0) return ErrnoStatus(errno, fmt::format("asking the relay at {}", path));
  std::string text;
  char block[4096];
  ssize_t n = 0;
  while ((n = recv(fd, block, sizeof block, 0)) > 0) text.append(block, static_cast<size_t>(n));
  const int error = errno;
  close(fd);
  if (n < 0) return ErrnoStatus(error, fmt::format("reading the status from {}", path));
  return text;
}

}  // namespace fleetsync::relay
