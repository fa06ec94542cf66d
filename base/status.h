#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fleetsync {

using absl::Status;
using absl::StatusOr;

// Debian's absl::string_view is not std::string_view; these are the two bridges.
inline absl::string_view ToAbsl(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view ToStd(absl::string_view s) { return {s.data(), s.size()}; }

// "doing: message", same code; OK stays OK. For the caller who knows the context.
Status Annotate(const Status& status, std::string_view doing);

// The Status for an errno value: "doing: No such file or directory", with the fitting code.
// The only place where errno becomes a Status.
Status ErrnoStatus(int error, std::string_view doing);

// The message alone, without the code's name.
inline std::string Message(const Status& status) { return std::string(ToStd(status.message())); }

}  // namespace fleetsync

#define FS_CONCAT_INNER_(a, b) a##b
#define FS_CONCAT_(a, b) FS_CONCAT_INNER_(a, b)

// Leaves the function with the error when `expr` is not OK.
#define FS_RETURN_IF_ERROR(expr)                                                 \
  do {                                                                           \
    if (::absl::Status fs_status_ = (expr); !fs_status_.ok()) return fs_status_; \
  } while (false)

// FS_ASSIGN_OR_RETURN(auto x, F()): x is F's value, or the function returns F's error.
#define FS_ASSIGN_OR_RETURN(lhs, expr) \
  FS_ASSIGN_OR_RETURN_IMPL_(FS_CONCAT_(fs_or_, __LINE__), lhs, expr)
#define FS_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                              \
  if (!tmp.ok()) return std::move(tmp).status();  \
  lhs = *std::move(tmp)
