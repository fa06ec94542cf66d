#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "controller/cli/context.h"
#include "controller/observe/observation.h"
#include "controller/status/fleet_view.h"
#include "controller/sync/reference.h"
#include "controller/ui/progress.h"

namespace fleetsync::cli {

// What was learnt of one host over SSH.
struct LiveHost {
  status::HostInput input;
  std::optional<observe::Observation> observation;
  std::string trouble;  // the host was reached, but not all of it could be read; printable
};

// By what the measurements count; none when no clock here can be trusted, which is said with
// `warn`.
std::optional<sync::Reference> FindReference(const Chosen& chosen, const std::atomic<bool>& stop,
                                             void (*warn)(const std::string&));

// One question to every chosen host. `progress`: null where nothing may be drawn.
StatusOr<std::vector<LiveHost>> AskHosts(const Context& context, const Chosen& chosen,
                                         const std::optional<sync::Reference>& reference,
                                         ui::Progress* progress, const std::atomic<bool>& stop);

std::vector<status::HostInput> InputsOf(const std::vector<LiveHost>& hosts);

}  // namespace fleetsync::cli
