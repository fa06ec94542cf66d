#pragma once

#include <memory>
#include <vector>

#include "base/status.h"
#include "controller/ssh/run_context.h"
#include "inventory/inventory.h"

namespace fleetsync::ssh {

// What connections to `hosts` share, with its own event loop; asks for passphrases of keys where
// there is a terminal. From then on the process ignores SIGPIPE and may open as many files as it is
// allowed to. NotFound: an unreadable key that all hosts name.
StatusOr<std::shared_ptr<RunContext>> PrepareRun(const std::vector<const inventory::Host*>& hosts,
                                                 const FleetOptions& options);

}  // namespace fleetsync::ssh
