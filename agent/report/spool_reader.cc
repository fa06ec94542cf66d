#include "agent/report/spool_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::report {
namespace {

constexpr size_t kBlock = 64 * 1024;

// What the file holds from `offset` on. NotFound when the writer has removed it.
StatusOr<std::string> ReadFrom(const std::string& path, size_t offset) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, fmt::format("reading {}", path));
  std::string bytes;
  for (;;) {
    const size_t have = bytes.size();
    bytes.resize(have + kBlock);
    const ssize_t n = pread(fd, bytes.data() + have, kBlock, static_cast<off_t>(offset + have));
    const int error = errno;
    bytes.resize(have + (n > 0 ? static_cast<size_t>(n) : 0));
    if (n < 0 && error == EINTR) continue;
    if (n > 0) continue;
    close(fd);
    if (n < 0) return ErrnoStatus(error, fmt::format("reading {}", path));
    return bytes;
  }
}

}  // namespace

StatusOr<std::string> SpoolReader::Id() const {
  FS_ASSIGN_OR_RETURN(const std::string text, ReadFile(SpoolIdPath(folder_), 64));
  return std::string(Trim(text));
}

Status SpoolReader::ReadSegment(const SpoolSegment& segment, uint64_t first, size_t limit,
                                std::vector<SpoolRecord>& out) {
  const bool here = segment.path == place_segment_ && place_next_ <= first;
  const size_t offset = here ? place_offset_ : 0;
  const StatusOr<std::string> bytes = ReadFrom(segment.path, offset);
  if (bytes.status().code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  FS_RETURN_IF_ERROR(bytes.status());
  size_t at = 0;
  while (out.size() < limit) {
    SpoolContent one = DecodeSpoolRecords(std::string_view(*bytes).substr(at), 1);
    if (one.records.empty()) break;
    at += one.valid_bytes;
    SpoolRecord& record = one.records.front();
    place_segment_ = segment.path;
    place_offset_ = offset + at;
    place_next_ = record.sequence + 1;
    if (record.sequence >= first) out.push_back(std::move(record));
  }
  return absl::OkStatus();
}

StatusOr<std::vector<SpoolRecord>> SpoolReader::Read(uint64_t first, size_t limit) {
  std::vector<SpoolRecord> records;
  FS_ASSIGN_OR_RETURN(const auto segments, ListSpoolSegments(folder_));
  for (size_t i = 0; i < segments.size() && records.size() < limit; ++i) {
    const bool ends_before = i + 1 < segments.size() && segments[i + 1].first <= first;
    if (ends_before) continue;
    FS_RETURN_IF_ERROR(ReadSegment(segments[i], first, limit, records));
  }
  return records;
}

StatusOr<uint64_t> SpoolReader::Last() {
  FS_ASSIGN_OR_RETURN(const auto segments, ListSpoolSegments(folder_));
  for (size_t i = segments.size(); i-- > 0;) {
    std::vector<SpoolRecord> records;
    FS_RETURN_IF_ERROR(ReadSegment(segments[i], segments[i].first, SIZE_MAX, records));
    if (!records.empty()) return records.back().sequence;
  }
  return 0;
}

}  // namespace fleetsync::report
