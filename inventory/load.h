#pragma once

#include <string>
#include <string_view>
#include <vector>

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

// The ssh_config that is the inventory at `path` ("": DefaultPath), for ssh to read instead of its
// own; "" when it is no ssh_config, or ~/.ssh/config, which ssh reads anyway.
std::string SshConfigOfInventory(const std::string& path);

// The files that the words behind an Include of ssh_config(5) stand for; `relative_to` ends with
// '/'. Those that cannot be read are left out, as ssh does.
struct SshConfigFile {
  std::string path, text;
};
std::vector<SshConfigFile> ReadIncludedSshConfigs(std::string_view patterns,
                                                  const std::string& relative_to,
                                                  const std::string& home);

// $FLEETSYNC_INVENTORY (also when there is no such file), ./fleet.yaml, ./servers.txt,
// /etc/fleetsync/fleet.yaml: the first that exists. NotFound names them all.
StatusOr<std::string> DefaultPath();

}  // namespace fleetsync::inventory
