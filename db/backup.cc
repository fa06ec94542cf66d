#include "db/backup.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "db/database_file.h"
#include "db/schema.h"
#include "db/sqlite.h"
#include "fmt/format.h"

namespace fleetsync::db {
namespace {

Status SyncFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "opening " + path);
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, "syncing " + path);
}

Status CopySound(const std::string& from, const std::string& to) {
  FS_ASSIGN_OR_RETURN(Connection source, Connection::Open(from, Connection::Mode::kReadOnly));
  FS_RETURN_IF_ERROR(CheckOwner(source));
  FS_ASSIGN_OR_RETURN(Connection copy, Connection::Open(to, Connection::Mode::kReadWrite));
  // Nobody else sees the copy before it is whole: it needs no journal of its own.
  FS_RETURN_IF_ERROR(copy.Execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"));
  FS_RETURN_IF_ERROR(source.CopyTo(copy));
  FS_ASSIGN_OR_RETURN(Statement check, copy.Prepare("PRAGMA quick_check(1)"));
  FS_RETURN_IF_ERROR(check.Step().status());
  const std::string found = check.Text(0);
  check.Reset();
  if (found == "ok") return absl::OkStatus();
  return absl::DataLossError(
      fmt::format("{} is damaged ({}), and so would be its copy: 'fleetsync "
                  "db check' says what can be done",
                  from, found));
}

Status MoveIntoPlace(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0)
    return ErrnoStatus(errno, fmt::format("renaming {} to {}", from, to));
  return SyncFolder(std::filesystem::path(to).parent_path().string());
}

}  // namespace

Status BackUp(const std::string& from, const std::string& to) {
  std::error_code error;
  if (!std::filesystem::exists(from, error) && !error)
    return absl::NotFoundError(fmt::format("there is no database {}; --db names another", from));
  if (std::filesystem::exists(to, error))
    return absl::AlreadyExistsError(
        fmt::format("{} exists and was left as it is: name a new file", to));
  const std::string partial = fmt::format("{}.partial.{}", to, getpid());
  FS_RETURN_IF_ERROR(CreatePrivateFile(partial));
  Status copied = CopySound(from, partial);
  if (copied.ok()) copied = SyncFile(partial);
  if (copied.ok()) copied = MoveIntoPlace(partial, to);
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(partial + suffix, error);
  if (!copied.ok()) std::filesystem::remove(partial, error);
  return Annotate(copied, fmt::format("backing up {} to {}", from, to));
}

}  // namespace fleetsync::db
