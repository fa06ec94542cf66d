#pragma once

#include <string>
#include <string_view>

#include "inventory/load.h"

namespace fleetsync::inventory {

// Whether the text is an Ansible inventory in INI form: its first line of substance is a "[group]",
// or a host with "ansible_…=" behind it.
bool IsAnsibleIni(std::string_view text);

// An Ansible inventory in INI form: groups, ranges, :children, :vars and variables behind a host.
// Read are Ansible's variables of the connection (ansible_host, ansible_port, ansible_user,
// ansible_ssh_private_key_file, ansible_become, ansible_become_method, ansible_ssh_common_args with
// a jump) and fleetsync's own keys as fleetsync_role, fleetsync_time_servers; all others belong to
// somebody else and are skipped. Passwords in clear are refused and never repeated.
Loaded ParseAnsibleIni(std::string_view text, const std::string& file);

}  // namespace fleetsync::inventory
