#include "agent/daemon/clock_actions.h"

#include <utility>

namespace fleetsync::daemon {

ClockActions::ClockActions(std::shared_ptr<Clock> clock, std::optional<DriftFile> drift,
                           const Log& log)
    : clock_(std::move(clock)),
      drift_(std::move(drift)),
      clock_trouble_(log, "; measuring goes on", "the clock can be set again"),
      drift_trouble_(log, "; after a restart the clock's frequency is learned anew",
                     "the clock's frequency is kept on disk again") {}

void ClockActions::Perform(const ntp::Step& step) {
  clock_trouble_.Update(clock_->Step(step.offset));
}

void ClockActions::Perform(const ntp::Adjust& adjust) {
  clock_trouble_.Update(clock_->Adjust(adjust.frequency, adjust.slew));
}

void ClockActions::Perform(const ntp::KernelSync& sync) {
  clock_trouble_.Update(clock_->SetKernelSync(sync));
}

void ClockActions::Perform(const ntp::SaveDrift& save) {
  if (drift_) drift_trouble_.Update(drift_->Write(save.drift));
}

}  // namespace fleetsync::daemon
