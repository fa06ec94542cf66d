#pragma once

#include <cstdint>
#include <string>

#include "base/mutex.h"
#include "base/time.h"

namespace fleetsync::serve {

// Lines that strangers cause: a few at once, then one a second; what is left out is counted. Any
// thread.
class LogLimit {
 public:
  // Whether a line may be logged now.
  bool Allow(MonoTime now);
  // " (12 lines like it were left out)" since the last time, or nothing.
  std::string LeftOut();

 private:
  Mutex mutex_;
  double tokens_ FS_GUARDED_BY(mutex_) = kBurst;
  MonoTime last_ FS_GUARDED_BY(mutex_);
  uint64_t left_out_ FS_GUARDED_BY(mutex_) = 0;

  static constexpr double kBurst = 20;
};

}  // namespace fleetsync::serve
