#pragma once

namespace fleetsync::cli {

// What scripts can rely on.
enum ExitCode : int {
  kAllWell = 0,
  kHostFailed = 1,
  kUsage = 2,           // usage or inventory error; nothing was contacted
  kChangesPending = 3,  // --check
  kOutOfTolerance = 4,  // a clock
  kInterrupted = 130,
};

}  // namespace fleetsync::cli
