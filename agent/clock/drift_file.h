#pragma once

#include <optional>
#include <string>

#include "agent/engine/config.h"
#include "base/status.h"

namespace fleetsync {

// What the engine learned about the clock, kept over restarts. As chronyd's driftfile, so that
// either can go on from the other's: "frequency skew" in ppm, where a positive frequency is that of
// a clock that gains: the sign is the other one of ntp::Drift.
class DriftFile {
 public:
  explicit DriftFile(std::string path) : path_(std::move(path)) {}

  // None: there is no file yet. InvalidArgument: what is in it is no drift of a clock.
  StatusOr<std::optional<ntp::Drift>> Read() const;
  // As one step: a crash or a full disk leaves the old file.
  Status Write(ntp::Drift drift) const;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace fleetsync
