#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "agent/report/spool_record.h"
#include "base/status.h"

namespace fleetsync::report {

// Reads a spool that another process writes. Keeps its place, so that reading on is cheap. Not
// thread-safe.
class SpoolReader {
 public:
  explicit SpoolReader(std::string folder) : folder_(std::move(folder)) {}

  // Up to `limit` records whose sequence is `first` or more, in order; fewer, or none, when the
  // writer has not come further. Some may be missing: dropped, or damaged on disk.
  StatusOr<std::vector<SpoolRecord>> Read(uint64_t first, size_t limit);

  // What names this spool's numbering.
  StatusOr<std::string> Id() const;
  // The highest sequence on disk; 0: none.
  StatusOr<uint64_t> Last();

 private:
  Status ReadSegment(const SpoolSegment& segment, uint64_t first, size_t limit,
                     std::vector<SpoolRecord>& out);

  std::string folder_;
  // Where in `place_segment_` the record with the next sequence begins.
  std::string place_segment_;
  size_t place_offset_ = 0;
  uint64_t place_next_ = 0;
};

}  // namespace fleetsync::report
