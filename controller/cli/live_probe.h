#pragma once

#include "controller/cli/context.h"
#include "controller/serve/prober.h"

namespace fleetsync::cli {

// How `serve` looks at hosts without an agent: as `status --live` does, with the inventory as it is
// then. `context` outlives it.
serve::Probe ProbeOverSsh(const Context& context);

}  // namespace fleetsync::cli
