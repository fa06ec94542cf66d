#pragma once

#include <optional>
#include <vector>

#include "base/status.h"
#include "controller/facts/facts.h"
#include "controller/plan/plan.h"
#include "controller/policy/time_policy.h"

// The parts of Diff, each about one thing of a host. All are pure.
namespace fleetsync::plan {

// Other keepers of the clock than `chosen` (null: all of them): stopped when they run, disabled
// when they start at boot. FailedPrecondition: the policy leaves them alone, or one cannot be
// stopped from here.
StatusOr<std::vector<PlannedChange>> RetireRivals(const policy::TimePolicy& desired,
                                                  const facts::DaemonFact* chosen,
                                                  const facts::Facts& actual);

// The time zone of the policy; nothing when it says none.
StatusOr<std::vector<PlannedChange>> SetTimezone(const policy::TimePolicy& desired,
                                                 const facts::Facts& actual);

// Jobs of people's own that set the clock, commented out in their crontabs; what cannot be edited
// line by line becomes a note.
std::vector<PlannedChange> RetireJobs(const policy::TimePolicy& desired, const facts::Facts& actual,
                                      std::vector<std::string>& notes);

// The policy's periodic job, there or taken away. FailedPrecondition: there is no cron, or no tool.
StatusOr<std::vector<PlannedChange>> ManagedJob(const policy::TimePolicy& desired,
                                                const facts::Facts& actual);

// `after` for a file of which `before`, mode and owner are known from the facts; nothing when it is
// that already.
std::optional<PutFile> FileChange(const std::string& path, std::optional<std::string> after,
                                  const facts::Facts& actual);

}  // namespace fleetsync::plan
