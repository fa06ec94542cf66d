#pragma once

#include "base/time.h"

namespace fleetsync::db {

// How long the store keeps what, before the `now` of Writer::Maintain. Each host's newest report
// and the days are kept for ever.
struct Retention {
  Duration reports = std::chrono::hours(2 * 24);  // since they arrived
  Duration minutes = std::chrono::hours(14 * 24);
  Duration hours = std::chrono::hours(400 * 24);
  Duration events = std::chrono::hours(400 * 24);
  Duration runs = std::chrono::hours(400 * 24);
};

}  // namespace fleetsync::db
