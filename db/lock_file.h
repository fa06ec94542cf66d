#pragma once

#include <string>
#include <utility>

#include "base/descriptor.h"
#include "base/status.h"

namespace fleetsync::db {

// An exclusive flock(2) on a file that holds the owner's process id. The kernel gives it back when
// the process ends, however it ends; the file stays.
class LockFile {
 public:
  // Unavailable, naming the process, when another one holds it.
  static StatusOr<LockFile> Acquire(const std::string& path);

 private:
  explicit LockFile(Descriptor fd) : fd_(std::move(fd)) {}

  Descriptor fd_;
};

}  // namespace fleetsync::db
