#include "db/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::db {
namespace {

std::string Holder(int fd) {
  char text[32];
  const ssize_t n = pread(fd, text, sizeof text, 0);
  const std::string_view pid =
      Trim(std::string_view(text, n > 0 ? static_cast<size_t>(n) : size_t{0}));
  if (pid.empty() || pid.find_first_not_of("0123456789") != std::string_view::npos)
    return "another process";
  return fmt::format("process {}", pid);
}

bool WriteOwner(int fd) {
  const std::string pid = fmt::format("{}\n", getpid());
  return ftruncate(fd, 0) == 0 && pwrite(fd, pid.data(), pid.size(), 0) >= 0;
}

}  // namespace

StatusOr<LockFile> LockFile::Acquire(const std::string& path) {
  Descriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.open()) return ErrnoStatus(errno, "opening lock file " + path);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "locking " + path);
    return absl::UnavailableError(fmt::format(
        "{} is held by {}: one program at a time may write the database; stop that one first", path,
        Holder(fd.get())));
  }
  // The lock counts, not the number: a full disk must not keep its owner from starting.
  static_cast<void>(WriteOwner(fd.get()));
  return LockFile(std::move(fd));
}

}  // namespace fleetsync::db
