#include "controller/serve/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "fmt/format.h"

namespace fleetsync::serve {

Status NotifyServiceManager(std::string_view state) {
  const char* path = getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (path == nullptr || *path == '\0') return absl::OkStatus();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = strlen(path);
  if (length >= sizeof address.sun_path) return ErrnoStatus(ENAMETOOLONG, "$NOTIFY_SOCKET");
  memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract name space

  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return ErrnoStatus(errno, "telling the service manager");
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const ssize_t sent = sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), size);
  const int error = errno;
  close(fd);
  return sent < 0 ? ErrnoStatus(error, "telling the service manager") : absl::OkStatus();
}

Duration WatchdogInterval() {
  const char* pid = getenv("WATCHDOG_PID");    // NOLINT(concurrency-mt-unsafe): nobody sets it
  const char* usec = getenv("WATCHDOG_USEC");  // NOLINT(concurrency-mt-unsafe)
  if (usec == nullptr || (pid != nullptr && strtol(pid, nullptr, 10) != getpid()))
    return Duration::zero();
  const long long microseconds = strtoll(usec, nullptr, 10);
  constexpr long long kDay = 86'400'000'000;
  if (microseconds <= 0 || microseconds > kDay) return Duration::zero();
  return std::chrono::microseconds(microseconds);
}

std::string ReloadingState() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);  // the clock that systemd asks for
  return fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                     int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000);
}

}  // namespace fleetsync::serve
