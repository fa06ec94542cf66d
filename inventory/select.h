#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "inventory/inventory.h"

namespace fleetsync::inventory {

// --group (repeatable, union), --limit and --exclude (host set patterns). All empty: every host.
struct Selection {
  std::vector<std::string> groups;
  std::vector<std::string> limits;
  std::vector<std::string> excludes;
};

// The chosen hosts in inventory order. NotFound when a group or a name does not exist (with the
// closest known word) or when nothing is left; InvalidArgument for a malformed pattern.
StatusOr<std::vector<const Host*>> Select(const Inventory& inventory, const Selection& selection);

}  // namespace fleetsync::inventory
