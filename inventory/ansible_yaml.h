#pragma once

#include <string>
#include <string_view>

#include "inventory/ansible_vars_file.h"
#include "inventory/load.h"

namespace fleetsync::inventory {

// Whether a YAML text is an Ansible inventory and no fleet.yaml: `all` at the top, or groups with
// hosts, children or vars in them.
bool IsAnsibleYaml(std::string_view text);

// An Ansible inventory in YAML form, with the files of group_vars and host_vars beside it.
// inventory/ansible_variables.h says which variables are read.
Loaded ParseAnsibleYaml(std::string_view text, const std::string& file,
                        const AnsibleVarsFiles& files = {});

}  // namespace fleetsync::inventory
