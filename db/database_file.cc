#include "db/database_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "fmt/format.h"

namespace fleetsync::db {
namespace {

Status CreateFolder(const std::filesystem::path& folder) {
  std::error_code error;
  if (folder.empty() || std::filesystem::is_directory(folder, error)) return absl::OkStatus();
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return ErrnoStatus(errno, "creating folder " + folder.string());
  return absl::OkStatus();
}

}  // namespace

Status SyncFolder(const std::string& folder) {
  const std::string name = folder.empty() ? "." : folder;
  const int fd = open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "opening folder " + name);
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, "syncing folder " + name);
}

Status CreatePrivateFile(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus(errno, "creating " + path);
  close(fd);
  return SyncFolder(std::filesystem::path(path).parent_path().string());
}

StatusOr<std::string> PrepareDatabaseFile(const std::string& path) {
  FS_RETURN_IF_ERROR(CreateFolder(std::filesystem::path(path).parent_path()));
  // Only when there is none: closing any descriptor of a database that this process has open would
  // drop SQLite's locks on it (fcntl(2)).
  if (const Status created = CreatePrivateFile(path);
      !created.ok() && !absl::IsAlreadyExists(created))
    return created;
  std::error_code error;
  const std::filesystem::path canonical = std::filesystem::canonical(path, error);
  if (error) return ErrnoStatus(error.value(), "opening database " + path);
  return canonical.string();
}

Status CheckNotEmptied(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error || size != 0) return absl::OkStatus();
  const auto log_size = std::filesystem::file_size(path + "-wal", error);
  if (error || log_size == 0) return absl::OkStatus();
  return absl::DataLossError(
      fmt::format("{}: the database is empty, but its log {}-wal is not: it was emptied from "
                  "outside; restore it from a copy, or move both away to start an empty one",
                  path, path));
}

}  // namespace fleetsync::db
