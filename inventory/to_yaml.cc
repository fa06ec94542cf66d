#include "inventory/to_yaml.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/fleet_yaml.h"
#include "inventory/host_set.h"
#include "inventory/variables.h"

namespace fleetsync::inventory {
namespace {

constexpr std::string_view kTime = "time.";

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\t') {
      quoted += "\\t";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string QuotedList(const std::vector<std::string>& items) {
  std::vector<std::string> quoted;
  for (const std::string& item : items) quoted.push_back(Quote(item));
  return "[" + Join(quoted, ", ") + "]";
}

// The settings of one place by key, as YAML has their values.
using Settings = std::map<std::string, std::string>;

std::string ValueOf(const std::string& name, const Variable& variable) {
  const Key* key = FindKey(name);
  const bool list = key != nullptr && key->form != Key::Form::kScalar;
  if (list) return QuotedList(variable.words);
  return variable.words.empty() ? "\"\"" : Quote(variable.words.front());
}

// "{user: "ops", time: {tolerance: "5ms"}}", without the braces.
std::string Inline(const Settings& settings) {
  std::vector<std::string> own, time;
  for (const auto& [name, value] : settings) {
    const bool of_time = name.starts_with(kTime);
    (of_time ? time : own)
        .push_back(fmt::format("{}: {}", of_time ? name.substr(kTime.size()) : name, value));
  }
  if (!time.empty()) own.push_back("time: {" + Join(time, ", ") + "}");
  return Join(own, ", ");
}

class Writer {
 public:
  explicit Writer(const Inventory& inventory) : inventory_(inventory) {
    for (const Host& host : inventory.hosts)
      for (const auto& [name, variable] : host.variables) Sort(host, name, variable);
  }

  // Groups have another order in other formats: a host that would hear something else from its
  // groups in fleet.yaml says it itself.
  void SettleDifferences() {
    const Loaded read = ParseFleetYaml(Write(), inventory_.path);
    if (!read.ok()) return;
    for (const Host& host : inventory_.hosts) {
      const Host* again = read.inventory.FindHost(host.name);
      if (again == nullptr) continue;
      for (const auto& [name, variable] : host.variables) {
        const auto found = again->variables.find(name);
        const bool same = found != again->variables.end() && found->second.words == variable.words;
        if (!same && name != "password") hosts_[host.name][name] = ValueOf(name, variable);
      }
    }
  }

  std::string Write() const {
    std::string text = "# Made by `fleetsync inventory convert`.\n";
    if (passwords_)
      text += "# Passwords are not copied: write each into its file under passwords/, mode 600.\n";
    if (!defaults_.empty()) text += fmt::format("defaults: {{{}}}\n", Inline(defaults_));
    if (!inventory_.groups.empty()) text += "groups:\n";
    for (const Group& group : inventory_.groups) text += GroupText(group);
    return text + HostsText();
  }

 private:
  void Sort(const Host& host, const std::string& name, const Variable& variable) {
    constexpr std::string_view kGroup = "group ", kHost = "host ";
    const Key* key = FindKey(name);
    if (name == "password") {
      passwords_ = true;
      hosts_[host.name]["password_file"] = Quote("passwords/" + host.name);
    } else if (variable.from.starts_with(kHost) || (key != nullptr && key->of_one_host)) {
      hosts_[host.name][name] = ValueOf(name, variable);
    } else if (variable.from.starts_with(kGroup)) {
      groups_[variable.from.substr(kGroup.size())][name] = ValueOf(name, variable);
    } else {
      defaults_[name] = ValueOf(name, variable);
    }
  }

  // Those that are not in one of its children.
  std::vector<std::string> DirectHosts(const Group& group) const {
    std::set<std::string> below;
    for (const std::string& child : group.children)
      if (const Group* found = inventory_.FindGroup(child))
        below.insert(found->hosts.begin(), found->hosts.end());
    std::vector<std::string> direct;
    for (const std::string& host : group.hosts)
      if (below.count(host) == 0) direct.push_back(host);
    return direct;
  }

  static std::vector<std::string> Folded(const std::vector<std::string>& names) {
    std::vector<std::string> parts;
    if (names.empty()) return parts;
    const std::string folded = FoldNames(names);
    for (const std::string_view part : SplitOutsideBrackets(folded, ",")) parts.emplace_back(part);
    return parts;
  }

  std::string GroupText(const Group& group) const {
    std::vector<std::string> parts;
    if (const std::vector<std::string> direct = DirectHosts(group); !direct.empty())
      parts.push_back("hosts: " + QuotedList(Folded(direct)));
    if (!group.children.empty()) parts.push_back("children: " + QuotedList(group.children));
    const auto settings = groups_.find(group.name);
    if (settings != groups_.end()) parts.push_back(Inline(settings->second));
    return fmt::format("  {}: {{{}}}\n", Quote(group.name), Join(parts, ", "));
  }

  // Hosts that no group names, and those with settings of their own; like ones together.
  std::string HostsText() const {
    std::map<std::string, std::vector<std::string>> by_settings;
    for (const Host& host : inventory_.hosts) {
      const auto settings = hosts_.find(host.name);
      const std::string text = settings == hosts_.end() ? "" : Inline(settings->second);
      if (!text.empty() || host.groups.empty()) by_settings[text].push_back(host.name);
    }
    if (by_settings.empty()) return {};
    std::string text = "hosts:\n";
    for (const auto& [settings, names] : by_settings)
      for (const std::string& part : Folded(names))
        text += fmt::format("  {}: {{{}}}\n", Quote(part), settings);
    return text;
  }

  const Inventory& inventory_;
  Settings defaults_;
  std::map<std::string, Settings> groups_, hosts_;
  bool passwords_ = false;
};

}  // namespace

std::string ToFleetYaml(const Inventory& inventory) {
  Writer writer(inventory);
  writer.SettleDifferences();
  return writer.Write();
}

}  // namespace fleetsync::inventory
