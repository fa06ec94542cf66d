#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/descriptor.h"
#include "controller/ssh/known_hosts.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

// A file edited by hand may lack its last newline.
bool EndsInsideALine(int fd) {
  const off_t size = lseek(fd, 0, SEEK_END);
  char last = '\n';
  return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

}  // namespace

Status AppendKnownHost(const std::string& file, std::string_view host, int port,
                       const HostKey& key) {
  const std::string doing = "adding a host key to " + file;
  if (const size_t slash = file.rfind('/'); slash != std::string::npos && slash > 0)
    mkdir(file.substr(0, slash).c_str(), 0700);  // if it fails, so does opening the file
  const Descriptor fd(open(file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.open()) return ErrnoStatus(errno, doing);
  // The lock goes with the descriptor.
  while (flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) return ErrnoStatus(errno, doing);
  const std::string line = fmt::format("{}{} {} {}\n", EndsInsideALine(fd.get()) ? "\n" : "",
                                       KnownHostsName(host, port), key.type, key.base64);
  const off_t before = lseek(fd.get(), 0, SEEK_END);
  const ssize_t written = write(fd.get(), line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) return absl::OkStatus();
  const int error = written < 0 ? errno : ENOSPC;
  // Half a line would hide the next one that somebody adds.
  [[maybe_unused]] const int cut = ftruncate(fd.get(), before);
  return ErrnoStatus(error, doing);
}

}  // namespace fleetsync::ssh
