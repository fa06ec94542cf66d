#include "inventory/fleet_yaml.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/draft.h"
#include "inventory/host_set.h"
#include "inventory/name.h"
#include "inventory/variables.h"
#include "inventory/yaml_settings.h"
#include "inventory/yaml_tree.h"

namespace fleetsync::inventory {
namespace {

using Kind = YamlNode::Kind;

class Reader {
 public:
  Reader(const std::string& file, Diagnostics& diagnostics)
      : diagnostics_(diagnostics), entries_(diagnostics), settings_(diagnostics) {
    draft_.path = file;
  }

  Draft Read(const YamlNode& root) {
    if (!entries_.IsMapping(root, "an inventory",
                            "write defaults, time, groups and hosts, each with ':'"))
      return std::move(draft_);
    constexpr std::string_view kKnown[] = {"defaults", "time", "groups", "hosts"};
    bool groups_seen = false;
    entries_.ForEachEntry(root, "the inventory", [&](const YamlNode& key, const YamlNode& value) {
      if (key.text == "defaults") {
        ReadDefaults("defaults", value, {.name = "'defaults'"});
      } else if (key.text == "time") {
        ReadDefaults("time", value, {.name = "'time'", .is_time = true});
      } else if (key.text == "groups") {
        groups_seen = true;
        ReadGroups(value);
      } else if (key.text == "hosts") {
        draft_.hosts_first = !groups_seen;
        ReadHosts(value);
      } else {
        const std::string_view inside = FindKey(key.text) != nullptr ? "defaults"
                                        : IsTimeKey(key.text)        ? "time"
                                                                     : "";
        settings_.AddUnknownKey(key, "at the top", kKnown, inside);
      }
    });
    RefuseRepeatedDefaults();
    return std::move(draft_);
  }

 private:
  void Error(const YamlNode& node, std::string what, std::string hint) {
    AddError(diagnostics_, node.origin, std::move(what), std::move(hint));
  }
  void Report(const Origin& origin, Problem problem) {
    AddError(diagnostics_, origin, std::move(problem.what), std::move(problem.hint));
  }

  void ReadDefaults(std::string from, const YamlNode& value, const YamlScope& scope) {
    DraftLayer layer{.from = std::move(from), .settings = {}};
    if (entries_.IsMapping(value, scope.name, "write it as {KEY: VALUE}, or one KEY: VALUE a line"))
      settings_.Read(value, scope, layer.settings, [](const YamlNode&, const YamlNode&) {});
    draft_.defaults.push_back(std::move(layer));
  }

  // `time` and the `time` of `defaults` say the same thing: neither is above the other.
  void RefuseRepeatedDefaults() {
    std::map<const Key*, const Setting*> seen;
    for (const DraftLayer& layer : draft_.defaults) {
      for (const Setting& setting : layer.settings) {
        const auto [first, is_new] = seen.try_emplace(setting.key, &setting);
        if (!is_new)
          AddError(diagnostics_, setting.origin,
                   fmt::format("'{}' is set already, in line {}", setting.key->name,
                               first->second->origin.line),
                   "keep one of the two: 'time' is the same as 'time' in 'defaults'");
      }
    }
  }

  // ---- names

  // The names of a range, each after the rule; those that break it are reported and left out.
  std::vector<std::string> ReadNames(const YamlNode& node) {
    if (IsPlainAddress(node.text)) return {node.text};
    StatusOr<std::vector<std::string>> names = ExpandRange(node.text);
    if (!names.ok()) {
      Error(node, node.text.empty() ? "a host without a name" : Message(names.status()),
            node.text.empty() ? "write a name" : "write ranges as NAME[01-40]");
      return {};
    }
    number_of_names_ += names->size();
    if (number_of_names_ > kMostNames) {
      Error(node, fmt::format("more than {} names in this file", kMostNames), "use several files");
      number_of_names_ = 0;  // one error for each time that it is too many
      return {};
    }
    std::vector<std::string> good;
    for (std::string& name : *names) {
      Problem problem = CheckHostName(name);
      if (!problem.ok()) {
        Report(node.origin, std::move(problem));
        return {};
      }
      good.push_back(std::move(name));
    }
    return good;
  }

  static bool IsPlainAddress(std::string_view text) {
    return text.find('[') == std::string_view::npos && CheckHostName(text).ok();
  }

  // `value` as a list of texts; one text is a list of one.
  template <class F>
  void ForEachText(const YamlNode& value, std::string_view thing, F visit) {
    if (value.kind == Kind::kNull) return;
    const bool list = value.kind == Kind::kSequence;
    if (value.kind == Kind::kMapping) {
      Error(value, fmt::format("'{}' is a list of names, this is a mapping", thing),
            "write [A, B]");
      return;
    }
    for (const YamlNode& item : list ? std::span(value.items) : std::span(&value, 1)) {
      if (item.kind == Kind::kScalar)
        visit(item);
      else
        Error(item, fmt::format("an item of '{}' is a name, this is {}", thing, NameOf(item.kind)),
              "write [A, B]");
    }
  }

  // ---- groups and hosts

  void ReadGroups(const YamlNode& groups) {
    if (!entries_.IsMapping(groups, "'groups'", "write groups: {web: {hosts: [web01, web02]}}"))
      return;
    entries_.ForEachEntry(groups, "'groups'", [&](const YamlNode& key, const YamlNode& value) {
      Problem problem = CheckGroupName(key.text);
      if (!problem.ok()) {
        Report(key.origin, std::move(problem));
        return;
      }
      DraftGroup& group = draft_.groups.emplace_back();
      group.name = key.text;
      group.origin = key.origin;
      ReadGroup(value, group);
    });
  }

  void ReadGroup(const YamlNode& value, DraftGroup& group) {
    const YamlScope scope{.name = "group " + Quoted(group.name), .own_keys = {"hosts", "children"}};
    if (!entries_.IsMapping(value, scope.name, "write {hosts: [web01, web02]}")) return;
    bool named = false;
    settings_.Read(value, scope, group.settings, [&](const YamlNode& key, const YamlNode& list) {
      named = named || list.kind != Kind::kNull;
      ForEachText(list, key.text, [&](const YamlNode& item) {
        if (key.text == "children") {
          group.children.push_back({item.text, item.origin});
          return;
        }
        for (std::string& name : ReadNames(item))
          group.hosts.push_back({std::move(name), item.origin});
      });
    });
    if (!named)
      AddWarning(diagnostics_, group.origin, fmt::format("{} has no hosts", scope.name),
                 "give it hosts or children, or remove it");
  }

  void ReadHosts(const YamlNode& hosts) {
    if (hosts.kind == Kind::kSequence) {
      for (const YamlNode& item : hosts.items) {
        if (item.kind == Kind::kScalar)
          AddHosts(item, YamlNode{.origin = item.origin});
        else
          Error(item, fmt::format("an item of 'hosts' is a name, this is {}", NameOf(item.kind)),
                "write hosts as {NAME: {KEY: VALUE}} to set something");
      }
      return;
    }
    if (!entries_.IsMapping(hosts, "'hosts'", "write hosts: {web01: {port: 2222}}")) return;
    entries_.ForEachEntry(hosts, "'hosts'", [&](const YamlNode& key, const YamlNode& value) {
      AddHosts(key, value);
    });
  }

  void AddHosts(const YamlNode& key, const YamlNode& value) {
    const YamlScope scope{.name = "host " + Quoted(key.text), .one_host = true};
    std::vector<Setting> settings;
    if (entries_.IsMapping(value, scope.name, "write {port: 2222}, or nothing after the ':'"))
      settings_.Read(value, scope, settings, [](const YamlNode&, const YamlNode&) {});
    for (std::string& name : ReadNames(key)) {
      const auto [first, is_new] = host_lines_.try_emplace(name, key.origin.line);
      if (!is_new) {
        Error(key,
              fmt::format("host {} has an entry already, in line {}", Quoted(name), first->second),
              "keep one of the two; what several hosts share goes into a group");
        return;
      }
      draft_.hosts.push_back({std::move(name), key.origin, settings, Secret()});
    }
  }

  Diagnostics& diagnostics_;
  YamlEntries entries_;
  YamlSettings settings_;
  Draft draft_;
  std::map<std::string, int> host_lines_;
  size_t number_of_names_ = 0;
};

}  // namespace

Loaded ParseFleetYaml(std::string_view text, const std::string& file) {
  Loaded loaded;
  loaded.inventory.path = file;
  const std::optional<YamlNode> root = ParseYaml(text, file, loaded.diagnostics);
  if (root) {
    Draft draft = Reader(file, loaded.diagnostics).Read(*root);
    loaded.inventory = BuildInventory(std::move(draft), loaded.diagnostics);
  }
  SortByPlace(loaded.diagnostics);
  return loaded;
}

}  // namespace fleetsync::inventory
