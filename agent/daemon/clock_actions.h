#pragma once

#include <memory>
#include <optional>

#include "agent/clock/clock.h"
#include "agent/clock/drift_file.h"
#include "agent/daemon/complaint.h"
#include "agent/engine/action.h"

namespace fleetsync::daemon {

// Does what an engine asks of the clock and of the disk. What is refused (a permission that was
// taken away, a full disk) is told once, and nothing ends by it.
class ClockActions {
 public:
  // No `drift`: nothing is kept.
  ClockActions(std::shared_ptr<Clock> clock, std::optional<DriftFile> drift, const Log& log);

  void Perform(const ntp::Step& step);
  void Perform(const ntp::Adjust& adjust);
  void Perform(const ntp::KernelSync& sync);
  void Perform(const ntp::SaveDrift& save);

 private:
  std::shared_ptr<Clock> clock_;
  std::optional<DriftFile> drift_;
  Complaint clock_trouble_;
  Complaint drift_trouble_;
};

}  // namespace fleetsync::daemon
