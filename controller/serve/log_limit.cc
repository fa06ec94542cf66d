#include "controller/serve/log_limit.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"

namespace fleetsync::serve {

bool LogLimit::Allow(MonoTime now) {
  const MutexLock lock(mutex_);
  tokens_ = std::min(kBurst, tokens_ + ToSeconds(now - std::exchange(last_, now)));
  if (tokens_ < 1) {
    ++left_out_;
    return false;
  }
  tokens_ -= 1;
  return true;
}

std::string LogLimit::LeftOut() {
  const MutexLock lock(mutex_);
  const uint64_t count = std::exchange(left_out_, 0);
  return count == 0 ? "" : fmt::format(" ({} lines like it were left out)", count);
}

}  // namespace fleetsync::serve
