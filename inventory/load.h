#pragma once

#include <string>

#include "base/status.h"
#include "inventory/inventory.h"

namespace fleetsync::inventory {

struct LoadOptions {
  // A world-readable file with passwords in it is refused unless this is set.
  bool allow_readable_passwords = false;
};

struct Loaded {
  Inventory inventory;
  Diagnostics diagnostics;  // all mistakes of the file, not the first alone
  bool ok() const { return !HasErrors(diagnostics); }
};

// Reads fleet.yaml or servers.txt, told apart by their content. NotFound, PermissionDenied or
// OutOfRange when the file itself cannot be read; what is wrong inside it is in Loaded.
StatusOr<Loaded> Load(const std::string& path, const LoadOptions& options);

// $FLEETSYNC_INVENTORY, ./fleet.yaml, ./servers.txt, /etc/fleetsync/fleet.yaml: the first that
// exists. NotFound names them all.
StatusOr<std::string> DefaultPath();

}  // namespace fleetsync::inventory
