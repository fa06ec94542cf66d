#pragma once

#include "controller/cli/context.h"
#include "controller/serve/serve.h"

namespace fleetsync::cli {

// For the hosts that the inventory, read anew, has report through SSH. What cannot be kept open is
// told on standard error.
serve::OpenTunnels TunnelsOverSsh(const Context& context);

}  // namespace fleetsync::cli
