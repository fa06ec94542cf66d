#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace fleetsync::report {

// One report in the spool. The bytes are opaque here.
struct SpoolRecord {
  uint64_t sequence = 0;
  std::string payload;
};

inline constexpr size_t kSpoolHeaderSize = 20;
inline constexpr size_t kMaxSpoolPayload = 64 * 1024;

// Little endian: magic "FSR1", length of the payload (32 bits), sequence (64 bits), CRC-32 of the
// eight and length bytes before it and of the payload; then the payload.
std::string EncodeSpoolRecord(uint64_t sequence, std::string_view payload);

// What a segment's bytes hold. A record that is cut off or damaged ends it: nothing after it is
// believed.
struct SpoolContent {
  std::vector<SpoolRecord> records;
  size_t valid_bytes = 0;  // the records' own; the rest is torn or damaged
};
// At most `limit` records; the sequence must rise from one record to the next.
SpoolContent DecodeSpoolRecords(std::string_view bytes, size_t limit = SIZE_MAX);

// The files of a spool folder, oldest first: their names are their first sequence number.
struct SpoolSegment {
  uint64_t first = 0;
  std::string path;
};
StatusOr<std::vector<SpoolSegment>> ListSpoolSegments(const std::string& folder);
// Of the file that names the spool's numbering.
std::string SpoolIdPath(const std::string& folder);
std::string SpoolSegmentPath(const std::string& folder, uint64_t first);

}  // namespace fleetsync::report
