#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/ansible_variables.h"

namespace fleetsync::inventory {

// A file of group_vars/ or host_vars/, as it was found beside an Ansible inventory.
struct AnsibleVarsFile {
  enum class Of : uint8_t { kGroup, kHost } of = Of::kGroup;
  std::string name;  // of the group or host
  std::string path, text;
};

// A later file of the same name is over an earlier one.
using AnsibleVarsFiles = std::vector<AnsibleVarsFile>;

// Reads a file of variables, in YAML or JSON, into the settings of its group or host, over what
// they hold. What the vault has encrypted is skipped with a warning.
void ReadAnsibleVarsFile(const AnsibleVarsFile& file, std::vector<Setting>& settings,
                         Diagnostics& diagnostics);

}  // namespace fleetsync::inventory
