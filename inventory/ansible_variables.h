#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "inventory/variables.h"
#include "inventory/yaml_tree.h"

namespace fleetsync::inventory {

// Reads the variables of an Ansible inventory into settings: those of the connection (ansible_host,
// ansible_port, ansible_user, ansible_ssh_private_key_file, ansible_become, ansible_become_method,
// the jump in ansible_ssh_common_args) and fleetsync's own keys (fleetsync_role,
// fleetsync_time_servers). All others belong to somebody else and are skipped. Refused are
// passwords in clear, which are never repeated, and Jinja templates in what is read.
class AnsibleVariables {
 public:
  explicit AnsibleVariables(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // NAME=VALUE of one place (a host, the variables of a group) into that place's settings, over
  // what they hold.
  void Set(const std::string& name, const std::string& value, const Origin& where,
           std::vector<Setting>& settings);
  // The same in YAML: lists and mappings for fleetsync's keys too.
  void Set(const YamlNode& name, const YamlNode& value, std::vector<Setting>& settings);

 private:
  bool IsRead(std::string_view name) const;
  bool Refuses(const std::string& name, const std::string& value, const Origin& where);
  void SetBecome(const std::string& value, const Origin& where, std::vector<Setting>& settings);
  void SetBecomeMethod(const std::string& value, const Origin& where,
                       std::vector<Setting>& settings);
  void SetJump(const std::string& arguments, const Origin& where, std::vector<Setting>& settings);
  const Key* OursOrError(std::string_view name, const Origin& where);
  void Put(std::string_view key, const std::string& value, const Origin& where,
           std::vector<Setting>& settings);

  Diagnostics& diagnostics_;
};

}  // namespace fleetsync::inventory
