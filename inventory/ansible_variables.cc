#include "inventory/ansible_variables.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/yaml_settings.h"

namespace fleetsync::inventory {
namespace {

using Kind = YamlNode::Kind;

constexpr std::string_view kOurs = "fleetsync_";

bool IsYes(std::string_view value) {
  constexpr std::array kYes =
      std::to_array<std::string_view>({"yes", "true", "True", "TRUE", "1", "on", "y"});
  return std::find(kYes.begin(), kYes.end(), value) != kYes.end();
}

constexpr std::array kPasswords = std::to_array<std::string_view>(
    {"ansible_password", "ansible_ssh_pass", "ansible_ssh_password", "ansible_become_password",
     "ansible_become_pass", "ansible_sudo_pass"});

bool IsPassword(std::string_view name) {
  return std::find(kPasswords.begin(), kPasswords.end(), name) != kPasswords.end();
}

struct Renamed {
  std::string_view theirs, ours;
};
constexpr std::array kRenamed =
    std::to_array<Renamed>({{"ansible_host", "address"},
                            {"ansible_ssh_host", "address"},
                            {"ansible_port", "port"},
                            {"ansible_ssh_port", "port"},
                            {"ansible_user", "user"},
                            {"ansible_ssh_user", "user"},
                            {"ansible_ssh_private_key_file", "identity"},
                            {"ansible_private_key_file", "identity"}});

std::string_view RenamedTo(std::string_view name) {
  for (const Renamed& renamed : kRenamed)
    if (renamed.theirs == name) return renamed.ours;
  return {};
}

bool HoldsSshArguments(std::string_view name) {
  return name == "ansible_ssh_common_args" || name == "ansible_ssh_extra_args";
}

// What ssh's arguments say of the way to a host: "-J bastion", "-o ProxyJump=bastion".
struct Way {
  std::string jump;
  bool has_command = false;  // ProxyCommand
};

Way WayIn(std::string_view arguments) {
  constexpr std::string_view kJump = "ProxyJump=", kCommand = "ProxyCommand";
  const std::vector<std::string> words = QuotedWords(arguments);
  Way way;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool has_next = i + 1 < words.size();
    if (words[i] == "-J" && has_next) way.jump = words[i + 1];
    std::string option = words[i] == "-o" && has_next ? words[i + 1] : words[i];
    if (option.starts_with("-o")) option.erase(0, 2);
    if (option.starts_with(kJump)) way.jump = option.substr(kJump.size());
    if (option.starts_with(kCommand)) way.has_command = true;
  }
  return way;
}

bool IsTemplate(std::string_view text) {
  return text.find("{{") != std::string_view::npos || text.find("{%") != std::string_view::npos;
}

// The first text in the value, or in a list or mapping that it is, that is a template.
const YamlNode* TemplateIn(const YamlNode& value) {
  if (value.kind == Kind::kScalar) return IsTemplate(value.text) ? &value : nullptr;
  for (const YamlNode& item : value.items)
    if (const YamlNode* found = TemplateIn(item); found != nullptr) return found;
  return nullptr;
}

bool SameSlot(const Key& a, const Key& b) {
  return &a == &b || (!a.slot.empty() && a.slot == b.slot);
}

auto FindSlot(std::vector<Setting>& settings, const Key& key) {
  return std::find_if(settings.begin(), settings.end(),
                      [&](const Setting& other) { return SameSlot(*other.key, key); });
}

void Override(std::vector<Setting>& settings, Setting stronger) {
  if (const auto same = FindSlot(settings, *stronger.key); same != settings.end())
    *same = std::move(stronger);
  else
    settings.push_back(std::move(stronger));
}

}  // namespace

bool AnsibleVariables::IsRead(std::string_view name) const {
  return name.starts_with(kOurs) || name == "ansible_become" || name == "ansible_become_method" ||
         IsPassword(name) || HoldsSshArguments(name) || !RenamedTo(name).empty();
}

// Passwords, templates, and bytes that no fleet.yaml can hold.
bool AnsibleVariables::Refuses(const std::string& name, const std::string& value,
                               const Origin& where) {
  if (IsTemplate(value)) {
    AddError(
        diagnostics_, where,
        fmt::format("'{}' is a template, and fleetsync does not run Ansible's templates", name),
        IsPassword(name) ? "write fleetsync_password_command=COMMAND, or "
                           "fleetsync_become_password_command=COMMAND, beside it"
                         : "write the value itself, or let ssh_config have it");
    return true;
  }
  if (!IsPassword(name)) {
    if (Printable(value) == value) return false;
    AddError(diagnostics_, where,
             fmt::format("'{}' holds a control character, or a byte that is not UTF-8", name),
             "save the file as plain UTF-8 text");
    return true;
  }
  AddError(diagnostics_, where, fmt::format("a password in clear ('{}') is refused", name),
           "put it into a file of mode 600 and write fleetsync_password_file=PATH, or "
           "fleetsync_become_password_file=PATH");
  return true;
}

void AnsibleVariables::Set(const std::string& name, const std::string& value, const Origin& where,
                           std::vector<Setting>& settings) {
  if (!IsRead(name) || Refuses(name, value, where)) return;
  if (name == "ansible_become") {
    SetBecome(value, where, settings);
  } else if (name == "ansible_become_method") {
    SetBecomeMethod(value, where, settings);
  } else if (HoldsSshArguments(name)) {
    SetJump(value, where, settings);
  } else if (!name.starts_with(kOurs)) {
    Put(RenamedTo(name), value, where, settings);
  } else if (const Key* key = OursOrError(name, where); key != nullptr) {
    Put(key->name, value, where, settings);
  }
}

void AnsibleVariables::Set(const YamlNode& name, const YamlNode& value,
                           std::vector<Setting>& settings) {
  if (name.kind != Kind::kScalar || !IsRead(name.text) || value.kind == Kind::kNull) return;
  if (value.kind == Kind::kOpaque) {
    if (IsPassword(name.text))
      AddWarning(diagnostics_, value.origin,
                 fmt::format("'{}' is encrypted, or an alias, and not read", name.text),
                 "where it is needed write fleetsync_password_command: COMMAND, or "
                 "fleetsync_become_password_command: COMMAND");
    else
      AddError(diagnostics_, value.origin,
               fmt::format("'{}' has a tag, is an alias or too deep, which is not read", name.text),
               "write the value itself");
    return;
  }
  const bool ours = name.text.starts_with(kOurs);
  const Key* key = ours ? OursOrError(name.text, name.origin) : nullptr;
  if (ours && key == nullptr) return;
  if (value.kind == Kind::kScalar && (!ours || key->form != Key::Form::kLines)) {
    Set(name.text, value.text, value.origin, settings);
    return;
  }
  if (const YamlNode* found = TemplateIn(value); found != nullptr) {
    Refuses(name.text, found->text, found->origin);
    return;
  }
  if (!ours) {
    AddError(diagnostics_, value.origin,
             fmt::format("'{}' is one value, this is {}", name.text, NameOf(value.kind)),
             "write it without brackets");
    return;
  }
  if (std::optional<Setting> setting = YamlSettings(diagnostics_).ReadValue(*key, name, value))
    Override(settings, *std::move(setting));
}

// fleetsync_time_servers is time.servers.
const Key* AnsibleVariables::OursOrError(std::string_view name, const Origin& where) {
  std::string ours(name.substr(kOurs.size()));
  if (ours.starts_with("time_")) ours = "time." + ours.substr(5);
  const Key* key = FindKey(ours);
  if (key == nullptr)
    AddError(diagnostics_, where, fmt::format("fleetsync has no key '{}'", Printable(ours)),
             "docs/inventory.md has them; those of time are written fleetsync_time_KEY");
  return key;
}

// How to become root stands in two variables, in either order: whether, and by what.
void AnsibleVariables::SetBecome(const std::string& value, const Origin& where,
                                 std::vector<Setting>& settings) {
  const auto said = FindSlot(settings, *FindKey("become"));
  const bool by_something = said != settings.end() && said->words.front().text != "none";
  if (!IsYes(value))
    Put("become", "none", where, settings);
  else if (!by_something)
    Put("become", "sudo", where, settings);
}

void AnsibleVariables::SetBecomeMethod(const std::string& value, const Origin& where,
                                       std::vector<Setting>& settings) {
  const auto said = FindSlot(settings, *FindKey("become"));
  if (said == settings.end() || said->words.front().text != "none")
    Put("become", value, where, settings);
}

void AnsibleVariables::SetJump(const std::string& arguments, const Origin& where,
                               std::vector<Setting>& settings) {
  const Way way = WayIn(arguments);
  if (!way.jump.empty()) Put("proxy_jump", way.jump, where, settings);
  if (way.has_command)
    AddWarning(diagnostics_, where, "the ProxyCommand in ssh's arguments is not read",
               "write -J USER@HOST there, fleetsync_proxy_jump, or let ssh_config have it");
}

// Of two settings of one place the later holds.
void AnsibleVariables::Put(std::string_view name, const std::string& value, const Origin& where,
                           std::vector<Setting>& settings) {
  const Key* key = FindKey(name);
  Setting setting{.key = key, .words = {}, .origin = where};
  if (key->form == Key::Form::kScalar) {
    setting.words.push_back({value, where});
  } else {
    for (const std::string_view item : Split(value, ','))
      if (!Trim(item).empty()) setting.words.push_back({std::string(Trim(item)), where});
  }
  for (const Word& word : setting.words) {
    if (const Problem problem = Check(*key, word); !problem.ok()) {
      AddError(diagnostics_, where, fmt::format("{}: {}", name, problem.what), problem.hint);
      return;
    }
  }
  Override(settings, std::move(setting));
}

}  // namespace fleetsync::inventory
