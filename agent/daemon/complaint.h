#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/status.h"

namespace fleetsync::daemon {

using Log = std::function<void(const std::string&)>;

// Something that fails again and again is told once, until it fails in another way, and once more
// when it is over.
class Complaint {
 public:
  // `consequence` follows the error: "; measuring goes on".
  Complaint(Log log, std::string consequence, std::string over)
      : log_(std::move(log)), consequence_(std::move(consequence)), over_(std::move(over)) {}

  void Update(const Status& status) {
    const std::string trouble = status.ok() ? "" : Message(status);
    if (trouble == told_) return;
    log_(status.ok() ? over_ : trouble + consequence_);
    told_ = trouble;
  }

 private:
  Log log_;
  std::string consequence_;
  std::string over_;
  std::string told_;
};

}  // namespace fleetsync::daemon
