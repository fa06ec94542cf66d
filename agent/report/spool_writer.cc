#include "agent/report/spool_writer.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::report {
namespace {

// Readable by the reporter, which runs as another user; clock offsets are no secret.
constexpr mode_t kFolderMode = 0755;
constexpr mode_t kFileMode = 0644;

// Drawn once for a numbering, so that the controller knows a new one from the old.
Status EnsureId(const std::string& folder) {
  const std::string path = SpoolIdPath(folder);
  if (access(path.c_str(), F_OK) == 0) return absl::OkStatus();
  uint64_t id = 0;
  // Cannot fail for so few bytes once the kernel's pool is ready, for which it waits.
  static_cast<void>(!getrandom(&id, sizeof id, 0));
  return WriteFileAtomically(path, fmt::format("{:016x}\n", id), kFileMode);
}

std::string AcknowledgedPath(const std::string& folder) { return folder + "/acknowledged"; }

Status SyncFolder(const std::string& folder) {
  const Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.open()) return ErrnoStatus(errno, fmt::format("opening folder {}", folder));
  if (fsync(fd.get()) != 0) return ErrnoStatus(errno, fmt::format("syncing {}", folder));
  return absl::OkStatus();
}

// 0 or errno. ENOSPC may come after a part was written.
int WriteAndSync(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return fdatasync(fd) == 0 ? 0 : errno;
}

}  // namespace

StatusOr<std::unique_ptr<SpoolWriter>> SpoolWriter::Open(SpoolConfig config) {
  if (config.segment_bytes == 0 || config.segment_bytes > config.limit_bytes / 2) {
    return absl::FailedPreconditionError("a spool needs room for two segments at least");
  }
  if (mkdir(config.folder.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, fmt::format("making folder {}", config.folder));
  }
  if (access(config.folder.c_str(), W_OK | X_OK) != 0) {
    return ErrnoStatus(errno, fmt::format("writing in {}", config.folder));
  }
  std::unique_ptr<SpoolWriter> writer(new SpoolWriter(std::move(config)));
  FS_RETURN_IF_ERROR(writer->Recover());
  return writer;
}

SpoolWriter::~SpoolWriter() {
  // Not told when it fails: the controller says at the next connection what it has.
  static_cast<void>(SaveAcknowledged().ok());
}

Status SpoolWriter::Recover() {
  FS_RETURN_IF_ERROR(EnsureId(config_.folder));
  if (const auto text = ReadFile(AcknowledgedPath(config_.folder), 64); text.ok()) {
    const std::string_view digits = Trim(*text);
    std::from_chars(digits.data(), digits.data() + digits.size(), acknowledged_);
  }
  FS_ASSIGN_OR_RETURN(const auto found, ListSpoolSegments(config_.folder));
  for (const SpoolSegment& file : found) {
    FS_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file.path, config_.limit_bytes * 2));
    const SpoolContent content = DecodeSpoolRecords(bytes);
    Segment segment{file.first, file.first - 1, content.valid_bytes, file.path};
    if (!content.records.empty()) segment.last = content.records.back().sequence;
    // The torn record was never acknowledged to anyone; behind it new ones would not be found.
    if (content.valid_bytes < bytes.size() &&
        truncate(file.path.c_str(), static_cast<off_t>(content.valid_bytes)) != 0) {
      return ErrnoStatus(errno, fmt::format("cutting off a torn record of {}", file.path));
    }
    last_ = std::max(last_, segment.last);
    segments_.push_back(std::move(segment));
  }
  if (acknowledged_ > last_ || segments_.empty()) {
    last_ = std::max(acknowledged_, last_);
    return absl::OkStatus();  // the next report starts a segment
  }
  return OpenForAppend(segments_.back());
}

uint64_t SpoolWriter::bytes() const {
  uint64_t sum = 0;
  for (const Segment& segment : segments_) sum += segment.bytes;
  return sum;
}

Status SpoolWriter::OpenForAppend(const Segment& segment) {
  fd_ =
      Descriptor(open(segment.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kFileMode));
  if (!fd_.open()) return ErrnoStatus(errno, fmt::format("opening {}", segment.path));
  return absl::OkStatus();
}

Status SpoolWriter::StartSegment() {
  Segment segment{last_ + 1, last_, 0, SpoolSegmentPath(config_.folder, last_ + 1)};
  FS_RETURN_IF_ERROR(OpenForAppend(segment));
  segments_.push_back(std::move(segment));
  return SyncFolder(config_.folder);
}

Status SpoolWriter::DropOldest() {
  const Segment& oldest = segments_.front();
  if (unlink(oldest.path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, fmt::format("removing {}", oldest.path));
  }
  if (oldest.last > acknowledged_) {
    dropped_ += oldest.last - std::max(acknowledged_, oldest.first - 1);
  }
  segments_.pop_front();
  return absl::OkStatus();
}

Status SpoolWriter::MakeRoom(uint64_t wanted) {
  if (!fd_.open() || segments_.back().bytes + wanted > config_.segment_bytes) {
    FS_RETURN_IF_ERROR(StartSegment());
  }
  while (segments_.size() > 1 && bytes() + wanted > config_.limit_bytes) {
    FS_RETURN_IF_ERROR(DropOldest());
  }
  return absl::OkStatus();
}

StatusOr<uint64_t> SpoolWriter::Append(std::string_view payload) {
  if (payload.size() > kMaxSpoolPayload) {
    return absl::InvalidArgumentError(fmt::format("a report of {} bytes", payload.size()));
  }
  const std::string record = EncodeSpoolRecord(last_ + 1, payload);
  FS_RETURN_IF_ERROR(MakeRoom(record.size()));
  Segment& segment = segments_.back();
  if (const int error = WriteAndSync(fd_.get(), record); error != 0) {
    // Behind half a record nothing would ever be read: take it back, or go on in a new file.
    if (ftruncate(fd_.get(), static_cast<off_t>(segment.bytes)) != 0) fd_.Close();
    return ErrnoStatus(error, fmt::format("writing {}", segment.path));
  }
  segment.bytes += record.size();
  segment.last = ++last_;
  return last_;
}

Status SpoolWriter::SaveAcknowledged() const {
  return WriteFileAtomically(AcknowledgedPath(config_.folder), fmt::format("{}\n", acknowledged_),
                             kFileMode);
}

Status SpoolWriter::Acknowledge(uint64_t through) {
  if (through > last_) return Renumber(through);
  if (through <= acknowledged_) return absl::OkStatus();
  acknowledged_ = through;
  bool removed = false;
  // The last one stays, so that its numbering does.
  while (segments_.size() > 1 && segments_.front().last <= acknowledged_) {
    if (!removed) FS_RETURN_IF_ERROR(SaveAcknowledged());
    removed = true;
    FS_RETURN_IF_ERROR(DropOldest());
  }
  return absl::OkStatus();
}

Status SpoolWriter::Renumber(uint64_t through) {
  std::string bytes;
  uint64_t next = through;
  for (const Segment& segment : segments_) {
    FS_ASSIGN_OR_RETURN(const std::string old, ReadFile(segment.path, config_.limit_bytes * 2));
    for (const SpoolRecord& record : DecodeSpoolRecords(old).records) {
      if (record.sequence > acknowledged_) bytes += EncodeSpoolRecord(++next, record.payload);
    }
  }
  Segment segment{through + 1, next, bytes.size(), SpoolSegmentPath(config_.folder, through + 1)};
  FS_RETURN_IF_ERROR(WriteFileAtomically(segment.path, bytes, kFileMode));
  acknowledged_ = through;
  FS_RETURN_IF_ERROR(SaveAcknowledged());
  while (!segments_.empty()) {
    // Nothing is lost: it is all in the new segment.
    const uint64_t dropped = dropped_;
    FS_RETURN_IF_ERROR(DropOldest());
    dropped_ = dropped;
  }
  last_ = next;
  segments_.push_back(segment);
  return OpenForAppend(segment);
}

}  // namespace fleetsync::report
