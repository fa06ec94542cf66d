#pragma once

#include <string>
#include <string_view>

#include "inventory/ansible_vars_file.h"
#include "inventory/load.h"

namespace fleetsync::inventory {

// Whether the text is an Ansible inventory in INI form: its first line of substance is a "[group]",
// or a host with "ansible_…=" behind it.
bool IsAnsibleIni(std::string_view text);

// An Ansible inventory in INI form: groups, ranges, :children, :vars and variables behind a host,
// with the files of group_vars and host_vars beside it. inventory/ansible_variables.h says which
// variables are read.
Loaded ParseAnsibleIni(std::string_view text, const std::string& file,
                       const AnsibleVarsFiles& files = {});

}  // namespace fleetsync::inventory
