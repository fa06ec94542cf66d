#include "agent/daemon/key_file_reader.h"

#include <utility>

#include "base/file.h"
#include "fmt/format.h"
#include "proto/ntp/key_file.h"

namespace fleetsync::daemon {
namespace {

constexpr size_t kLargestKeyFile = 1 << 20;
constexpr unsigned kOthersMayRead = 04;

}  // namespace

StatusOr<ntp::KeyStore> ReadKeyFile(const std::string& path, const Log& log) {
  FS_ASSIGN_OR_RETURN(const unsigned mode, FileMode(path));
  if ((mode & kOthersMayRead) != 0) {
    return absl::FailedPreconditionError(fmt::format(
        "{}: every user of this host can read the keys; run: chmod 640 {}", path, path));
  }
  FS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kLargestKeyFile));
  auto file = ntp::ParseKeyFile(text, ntp::KeyFileFormat::kChrony);
  if (!file.ok())
    return absl::InvalidArgumentError(fmt::format("{}: {}", path, Message(file.status())));
  for (const std::string& note : file->notes) log(fmt::format("{}: {}", path, note));
  return std::move(file->keys);
}

}  // namespace fleetsync::daemon
