#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "agent/report/spool_record.h"
#include "base/descriptor.h"
#include "base/status.h"

namespace fleetsync::report {

struct SpoolConfig {
  std::string folder;                      // made when it is missing
  uint64_t limit_bytes = 8 * 1024 * 1024;  // all files together; the oldest reports go first
  uint64_t segment_bytes = 512 * 1024;     // one file
};

// Reports that the controller has not yet acknowledged: a bounded, ordered, crash-safe ring of
// files. One writer (the time process), any number of SpoolReaders in other processes. Sequence
// numbers begin at 1 and go on across restarts. Not thread-safe.
class SpoolWriter {
 public:
  // Recovers what is there: a record that a crash left half written is cut off. PermissionDenied,
  // FailedPrecondition (a bad limit), or what the disk says.
  static StatusOr<std::unique_ptr<SpoolWriter>> Open(SpoolConfig config);
  SpoolWriter(const SpoolWriter&) = delete;
  SpoolWriter& operator=(const SpoolWriter&) = delete;
  ~SpoolWriter();

  // The report's sequence number; it is on disk. After an error nothing was added and the number is
  // used for the next one.
  StatusOr<uint64_t> Append(std::string_view payload);

  // The controller has everything up to `through`. When that is more than was ever written here,
  // the numbering was lost (a new disk): what is pending is renumbered behind it.
  Status Acknowledge(uint64_t through);

  uint64_t last() const { return last_; }  // 0: nothing was ever written
  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t dropped() const { return dropped_; }  // unacknowledged, since Open
  uint64_t bytes() const;

 private:
  struct Segment {
    uint64_t first = 0;
    uint64_t last = 0;  // first - 1: empty
    uint64_t bytes = 0;
    std::string path;
  };

  explicit SpoolWriter(SpoolConfig config) : config_(std::move(config)) {}
  Status Recover();
  Status OpenForAppend(const Segment& segment);
  Status StartSegment();
  Status MakeRoom(uint64_t wanted);
  Status DropOldest();
  Status Renumber(uint64_t through);
  Status SaveAcknowledged() const;

  SpoolConfig config_;
  std::deque<Segment> segments_;
  Descriptor fd_;  // of the last segment
  uint64_t last_ = 0;
  uint64_t acknowledged_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace fleetsync::report
