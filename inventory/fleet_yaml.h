#pragma once

#include <string>
#include <string_view>

#include "inventory/load.h"

namespace fleetsync::inventory {

// The native format, described in docs/inventory.md. `file` is the name for messages. Paths stay as
// they are written.
Loaded ParseFleetYaml(std::string_view text, const std::string& file);

}  // namespace fleetsync::inventory
