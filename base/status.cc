#include "base/status.h"

#include <cerrno>
#include <cstring>

#include "fmt/format.h"

namespace fleetsync {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    case EINVAL:
      return absl::StatusCode::kInvalidArgument;
    case ETIMEDOUT:
      return absl::StatusCode::kDeadlineExceeded;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

Status Annotate(const Status& status, std::string_view doing) {
  if (status.ok()) return status;
  return Status(status.code(), fmt::format("{}: {}", doing, ToStd(status.message())));
}

Status ErrnoStatus(int error, std::string_view doing) {
  char text[128];
  return Status(CodeOf(error), fmt::format("{}: {}", doing, strerror_r(error, text, sizeof text)));
}

}  // namespace fleetsync
