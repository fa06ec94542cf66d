#include "inventory/ansible_yaml.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/ansible_draft.h"
#include "inventory/yaml_settings.h"
#include "inventory/yaml_tree.h"

namespace fleetsync::inventory {
namespace {

using Kind = YamlNode::Kind;

template <size_t kSize>
bool IsOneOf(const std::array<std::string_view, kSize>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr auto kOfFleetYaml =
    std::to_array<std::string_view>({"defaults", "time", "groups", "hosts"});
constexpr auto kOfGroup = std::to_array<std::string_view>({"hosts", "children", "vars"});

bool HasGroupKey(const YamlNode& node) {
  if (node.kind != Kind::kMapping) return false;
  for (size_t i = 0; i < node.items.size(); i += 2)
    if (IsOneOf(kOfGroup, node.items[i].text)) return true;
  return false;
}

class Reader {
 public:
  Reader(const std::string& file, Diagnostics& diagnostics)
      : diagnostics_(diagnostics), variables_(diagnostics), draft_(file, diagnostics) {}

  Draft Read(const YamlNode& root, const AnsibleVarsFiles& files) {
    ForEach(root, "an inventory", "write all: {hosts: {web01: }, children: {web: …}}",
            [&](const YamlNode& name, const YamlNode& value) { ReadGroup(name, value); });
    return draft_.Finish(files);
  }

 private:
  using Visit = std::function<void(const YamlNode& key, const YamlNode& value)>;

  // The entries of a mapping; nothing and a single name are mappings too, as Ansible has it.
  void ForEach(const YamlNode& node, std::string_view thing, std::string hint, const Visit& visit) {
    if (node.kind == Kind::kNull) return;
    if (node.kind == Kind::kScalar) {
      visit(node, YamlNode{.origin = node.origin});
      return;
    }
    if (node.kind != Kind::kMapping) {
      AddError(diagnostics_, node.origin,
               fmt::format("{} is a mapping of names, this is {}", thing, NameOf(node.kind)),
               std::move(hint));
      return;
    }
    for (size_t i = 0; i + 1 < node.items.size(); i += 2) {
      if (node.items[i].kind == Kind::kScalar)
        visit(node.items[i], node.items[i + 1]);
      else
        AddError(diagnostics_, node.items[i].origin, "a name that is not text", "quote it");
    }
  }

  void ReadGroup(const YamlNode& name, const YamlNode& value) {
    draft_.AddGroup(name.text, name.origin);
    if (value.kind == Kind::kScalar) {
      AddError(diagnostics_, value.origin,
               fmt::format("group {} is a mapping, this is text", Quoted(name.text)),
               "write hosts, children or vars in it");
      return;
    }
    ForEach(value, "group " + Quoted(name.text), "write hosts, children or vars in it",
            [&](const YamlNode& key, const YamlNode& inside) {
              if (key.text == "hosts") {
                ReadHosts(name.text, inside);
              } else if (key.text == "children") {
                ReadChildren(name.text, inside);
              } else if (key.text == "vars") {
                ReadVariables(name.text, inside);
              } else {
                AddWarning(diagnostics_, key.origin,
                           fmt::format("{} is skipped, as Ansible skips it", Quoted(key.text)),
                           "a group holds hosts, children and vars");
              }
            });
  }

  void ReadChildren(const std::string& group, const YamlNode& children) {
    ForEach(children, "'children'", "write {web: , db: }",
            [&](const YamlNode& name, const YamlNode& value) {
              draft_.AddChild(group, name.text, name.origin);
              ReadGroup(name, value);
            });
  }

  void ReadVariables(const std::string& group, const YamlNode& variables) {
    if (variables.kind == Kind::kScalar) {
      AddError(diagnostics_, variables.origin, "'vars' is a mapping of variables, this is text",
               "write {NAME: VALUE}");
      return;
    }
    ForEach(variables, "'vars'", "write {NAME: VALUE}",
            [&](const YamlNode& name, const YamlNode& value) {
              if (name.text == "ansible_group_priority")
                draft_.SetPriority(group, value.text);
              else
                variables_.Set(name, value, draft_.SettingsOf(group));
            });
  }

  void ReadHosts(const std::string& group, const YamlNode& hosts) {
    ForEach(hosts, "'hosts'", "write {web01: , web02: }",
            [&](const YamlNode& name, const YamlNode& value) { ReadHost(group, name, value); });
  }

  void ReadHost(const std::string& group, const YamlNode& name, const YamlNode& value) {
    if (value.kind != Kind::kNull && value.kind != Kind::kMapping) {
      // Not repeated: it may hold a password.
      AddError(diagnostics_, value.origin,
               fmt::format("a host's variables are a mapping, this is {}", NameOf(value.kind)),
               "write {NAME: VALUE}, or nothing after the ':'");
      return;
    }
    draft_.AddHosts(group, name.text, name.origin,
                    [&](AnsibleVariables& variables, std::vector<Setting>& settings) {
                      for (size_t i = 0; i + 1 < value.items.size(); i += 2)
                        variables.Set(value.items[i], value.items[i + 1], settings);
                    });
  }

  Diagnostics& diagnostics_;
  AnsibleVariables variables_;
  AnsibleDraft draft_;
};

// The file that configures a plugin which asks somebody for the hosts: a cloud, a database.
const YamlNode* PluginOf(const YamlNode& root) {
  if (root.kind != Kind::kMapping) return nullptr;
  for (size_t i = 0; i + 1 < root.items.size(); i += 2)
    if (root.items[i].text == "plugin" && root.items[i + 1].kind == Kind::kScalar)
      return &root.items[i];
  return nullptr;
}

}  // namespace

bool IsAnsibleYaml(std::string_view text) {
  // Without parsing for most: a large fleet.yaml would be parsed twice.
  for (const std::string_view line : Split(text, '\n'))
    if (IsOneOf(kOfFleetYaml, line.substr(0, line.find(':')))) return false;
  Diagnostics unused;
  const std::optional<YamlNode> root = ParseYaml(text, "", unused, YamlFile::kShared);
  if (!root || root->kind != Kind::kMapping) return false;
  if (PluginOf(*root) != nullptr) return true;
  bool has_group = false;
  for (size_t i = 0; i + 1 < root->items.size(); i += 2) {
    const std::string& key = root->items[i].text;
    if (key == "all") return true;
    if (IsOneOf(kOfFleetYaml, key)) return false;
    has_group = has_group || HasGroupKey(root->items[i + 1]);
  }
  return has_group;
}

Loaded ParseAnsibleYaml(std::string_view text, const std::string& file,
                        const AnsibleVarsFiles& files) {
  Loaded loaded;
  loaded.inventory.path = file;
  const std::optional<YamlNode> root = ParseYaml(text, file, loaded.diagnostics, YamlFile::kShared);
  if (!root) return loaded;
  if (const YamlNode* plugin = PluginOf(*root); plugin != nullptr) {
    AddError(loaded.diagnostics, plugin->origin, "this configures a plugin of Ansible",
             "write what it finds into a file: ansible-inventory -i THIS --list --yaml");
    return loaded;
  }
  Draft draft = Reader(file, loaded.diagnostics).Read(*root, files);
  loaded.inventory = BuildInventory(std::move(draft), loaded.diagnostics);
  SortByPlace(loaded.diagnostics);
  return loaded;
}

}  // namespace fleetsync::inventory
