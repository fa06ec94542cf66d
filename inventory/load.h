#pragma once

#include <string>

#include "base/status.h"
#include "inventory/inventory.h"

namespace fleetsync::inventory {

struct LoadOptions {
  // A file that others may read and that has passwords in it is refused unless this is set.
  bool allow_readable_passwords = false;
};

struct Loaded {
  Inventory inventory;
  Diagnostics diagnostics;  // all mistakes of the file, not the first alone
  bool ok() const { return !HasErrors(diagnostics); }
};

// Reads fleet.yaml, servers.txt or an Ansible inventory in INI or YAML form, with the group_vars
// and host_vars beside it. *.yaml and *.yml are YAML, anything else is told by its content. "~/" in
// paths is $HOME's; relative paths are relative to the file's folder. NotFound, PermissionDenied or
// OutOfRange (4 MiB) when a file itself cannot be read; what is wrong inside it is in Loaded.
StatusOr<Loaded> Load(const std::string& path, const LoadOptions& options);

// $FLEETSYNC_INVENTORY (also when there is no such file), ./fleet.yaml, ./servers.txt,
// /etc/fleetsync/fleet.yaml: the first that exists. NotFound names them all.
StatusOr<std::string> DefaultPath();

}  // namespace fleetsync::inventory
