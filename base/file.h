#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace fleetsync {

// The whole file. NotFound, PermissionDenied, or OutOfRange when it is larger than `limit` bytes.
StatusOr<std::string> ReadFile(const std::string& path, size_t limit);

// Replaces `path` as one step: a temporary file beside it, fsync, rename, fsync of the folder.
// After an error the old file is untouched and no temporary file stays.
Status WriteFileAtomically(const std::string& path, std::string_view bytes, unsigned mode);

// Permission bits of the file (07777).
StatusOr<unsigned> FileMode(const std::string& path);

}  // namespace fleetsync
