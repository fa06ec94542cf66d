#pragma once

#include <string>
#include <utility>

#include "base/status.h"

namespace fleetsync::db {

// An exclusive flock(2) on a file that holds the owner's process id. The kernel gives it back when
// the process ends, however it ends; the file stays.
class LockFile {
 public:
  // Unavailable, naming the process, when another one holds it.
  static StatusOr<LockFile> Acquire(const std::string& path);
  LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  LockFile& operator=(LockFile&&) = delete;
  ~LockFile();

 private:
  explicit LockFile(int fd) : fd_(fd) {}

  int fd_;
};

}  // namespace fleetsync::db
