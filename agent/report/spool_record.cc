#include "agent/report/spool_record.h"

#include <dirent.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "fmt/format.h"

namespace fleetsync::report {
namespace {

constexpr uint32_t kMagic = 0x31525346;  // "FSR1"
constexpr std::string_view kSuffix = ".reports";
constexpr size_t kNameDigits = 20;  // as many as 2^64 has: names sort as numbers do

void Append(std::string& bytes, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}

uint64_t Load(std::string_view bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

uint32_t Crc(std::string_view header, std::string_view payload) {
  uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(header.data()), static_cast<uInt>(header.size()));
  crc =
      crc32(crc, reinterpret_cast<const Bytef*>(payload.data()), static_cast<uInt>(payload.size()));
  return static_cast<uint32_t>(crc);
}

}  // namespace

std::string EncodeSpoolRecord(uint64_t sequence, std::string_view payload) {
  std::string bytes;
  bytes.reserve(kSpoolHeaderSize + payload.size());
  Append(bytes, kMagic, 4);
  Append(bytes, payload.size(), 4);
  Append(bytes, sequence, 8);
  Append(bytes, Crc(bytes, payload), 4);
  bytes += payload;
  return bytes;
}

SpoolContent DecodeSpoolRecords(std::string_view bytes, size_t limit) {
  SpoolContent content;
  uint64_t before = 0;
  while (content.records.size() < limit) {
    const std::string_view rest = bytes.substr(content.valid_bytes);
    if (rest.size() < kSpoolHeaderSize || Load(rest, 0, 4) != kMagic) break;
    const size_t length = Load(rest, 4, 4);
    const uint64_t sequence = Load(rest, 8, 8);
    if (length > kMaxSpoolPayload || rest.size() - kSpoolHeaderSize < length) break;
    const std::string_view payload = rest.substr(kSpoolHeaderSize, length);
    if (sequence <= before || Load(rest, 16, 4) != Crc(rest.substr(0, 16), payload)) break;
    before = sequence;
    content.records.push_back({sequence, std::string(payload)});
    content.valid_bytes += kSpoolHeaderSize + length;
  }
  return content;
}

std::string SpoolIdPath(const std::string& folder) { return folder + "/id"; }

std::string SpoolSegmentPath(const std::string& folder, uint64_t first) {
  return fmt::format("{}/{:020}{}", folder, first, kSuffix);
}

StatusOr<std::vector<SpoolSegment>> ListSpoolSegments(const std::string& folder) {
  DIR* const dir = opendir(folder.c_str());
  if (dir == nullptr) return ErrnoStatus(errno, fmt::format("reading folder {}", folder));
  std::vector<SpoolSegment> segments;
  while (const dirent* entry = readdir(dir)) {  // NOLINT(concurrency-mt-unsafe): own stream
    const std::string_view name = entry->d_name;
    if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) continue;
    uint64_t first = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + kNameDigits, first);
    if (error != std::errc() || end != name.data() + kNameDigits) continue;
    segments.push_back({first, fmt::format("{}/{}", folder, name)});
  }
  closedir(dir);
  std::sort(segments.begin(), segments.end(),
            [](const SpoolSegment& a, const SpoolSegment& b) { return a.first < b.first; });
  return segments;
}

}  // namespace fleetsync::report
