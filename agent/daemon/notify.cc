#include "agent/daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace fleetsync::daemon {

void NotifySystemd(std::string_view state) {
  const char* const path = getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): main thread
  if (path == nullptr || path[0] == '\0') return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const size_t length = std::strlen(path);
  if (length >= sizeof to.sun_path) return;
  std::memcpy(to.sun_path, path, length);
  if (path[0] == '@') to.sun_path[0] = '\0';  // the abstract namespace
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  // systemd that does not listen is no reason to stop.
  static_cast<void>(sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&to),
                           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length)));
  close(fd);
}

}  // namespace fleetsync::daemon
