#include "inventory/ansible_vars_file.h"

#include <optional>

#include "fmt/format.h"
#include "inventory/yaml_settings.h"

namespace fleetsync::inventory {

void ReadAnsibleVarsFile(const AnsibleVarsFile& file, std::vector<Setting>& settings,
                         Diagnostics& diagnostics) {
  constexpr std::string_view kVault = "$ANSIBLE_VAULT";
  if (std::string_view(file.text).starts_with(kVault)) {
    AddWarning(diagnostics, {.file = file.path},
               "this file is encrypted by Ansible's vault, and was skipped",
               "what is needed of it write into another file, passwords as "
               "fleetsync_password_command: COMMAND");
    return;
  }
  const std::optional<YamlNode> root =
      ParseYaml(file.text, file.path, diagnostics, YamlFile::kShared);
  if (!root || root->kind == YamlNode::Kind::kNull) return;
  if (root->kind != YamlNode::Kind::kMapping) {
    AddError(diagnostics, root->origin,
             fmt::format("a file of variables is a mapping, this is {}", NameOf(root->kind)),
             "write NAME: VALUE, one a line");
    return;
  }
  AnsibleVariables variables(diagnostics);
  for (size_t i = 0; i + 1 < root->items.size(); i += 2)
    variables.Set(root->items[i], root->items[i + 1], settings);
}

}  // namespace fleetsync::inventory
