#include "inventory/ansible_draft.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "fmt/format.h"
#include "inventory/host_set.h"
#include "inventory/name.h"

namespace fleetsync::inventory {
namespace {

constexpr std::string_view kUngrouped = "ungrouped";

}  // namespace

AnsibleDraft::AnsibleDraft(const std::string& file, Diagnostics& diagnostics)
    : diagnostics_(diagnostics) {
  draft_.path = file;
  draft_.precedence = Draft::Precedence::kAnsible;
  draft_.defaults.push_back({.from = "group_vars/all", .settings = {}});
  draft_.weakest.push_back({.from = "all:vars", .settings = {}});
  ungrouped_.name = kUngrouped;
}

void AnsibleDraft::AddGroup(const std::string& group, const Origin& where) {
  if (IsEverybody(group) || group == kUngrouped) return;
  if (!groups_.try_emplace(group, draft_.groups.size()).second) return;
  if (const Problem problem = CheckGroupName(group); !problem.ok())
    AddError(diagnostics_, where, problem.what, problem.hint);
  DraftGroup& added = draft_.groups.emplace_back();
  added.name = group;
  added.origin = where;
}

void AnsibleDraft::AddChild(const std::string& group, const std::string& child,
                            const Origin& where) {
  AddGroup(group, where);
  AddGroup(child, where);
  if (IsEverybody(group) || group == kUngrouped || groups_.count(child) == 0) return;
  Group(group).children.push_back({child, where});
}

bool AnsibleDraft::CheckNames(const std::vector<std::string>& names, const Origin& where) {
  for (const std::string& name : names) {
    if (const Problem problem = CheckHostName(name); !problem.ok()) {
      AddError(diagnostics_, where, problem.what, problem.hint);
      return false;
    }
  }
  const bool too_many_before = number_of_names_ > kMostNames;
  number_of_names_ += names.size();
  if (number_of_names_ <= kMostNames) return true;
  if (!too_many_before)
    AddError(diagnostics_, where, fmt::format("more than {} names in this file", kMostNames),
             "use several files");
  return false;
}

std::vector<std::string> AnsibleDraft::NamesOf(std::string_view range, const Origin& where) {
  StatusOr<std::vector<std::string>> names = ExpandRange(range);
  if (CheckHostName(range).ok()) names = std::vector<std::string>{std::string(range)};
  if (!names.ok()) {
    AddError(diagnostics_, where, Message(names.status()), "write ranges as NAME[01:40]");
    return {};
  }
  return CheckNames(*names, where) ? *std::move(names) : std::vector<std::string>();
}

std::vector<Setting>& AnsibleDraft::AddHost(const std::string& group, const std::string& name,
                                            const Origin& where) {
  const auto [found, is_new] = hosts_.try_emplace(name, draft_.hosts.size());
  if (is_new) {
    DraftHost& host = draft_.hosts.emplace_back();
    host.name = name;
    host.origin = where;
  }
  if (groups_.count(group) > 0) Group(group).hosts.push_back({name, where});
  return draft_.hosts[found->second].settings;
}

void AnsibleDraft::AddHosts(const std::string& group, std::string_view pattern, const Origin& where,
                            const SetVariables& set) {
  AddGroup(group, where);
  const HostAndPort parts = SplitPort(pattern);
  const auto set_all = [&](Diagnostics& diagnostics, std::vector<Setting>& settings) {
    AnsibleVariables variables(diagnostics);
    if (parts.has_port) variables.Set("ansible_port", std::string(parts.port), where, settings);
    set(variables, settings);
  };
  std::vector<Setting> alone;
  set_all(diagnostics_, alone);
  Diagnostics said_already;
  for (const std::string& name : NamesOf(parts.host, where))
    set_all(said_already, AddHost(group, name, where));
}

std::vector<Setting>& AnsibleDraft::SettingsOf(const std::string& group) {
  if (IsEverybody(group)) return draft_.weakest.front().settings;
  return group == kUngrouped ? ungrouped_.weaker : Group(group).weaker;
}

void AnsibleDraft::SetPriority(const std::string& group, std::string_view value) {
  if (groups_.count(group) == 0) return;
  std::from_chars(value.data(), value.data() + value.size(), Group(group).priority);
}

void AnsibleDraft::AddFile(const AnsibleVarsFile& file) {
  const bool of_group = file.of == AnsibleVarsFile::Of::kGroup;
  const auto& known = of_group ? groups_ : hosts_;
  const bool everybody = of_group && IsEverybody(file.name);
  const bool ungrouped = of_group && file.name == kUngrouped;
  const auto found = known.find(file.name);
  if (found == known.end() && !everybody && !ungrouped) return;  // of another inventory beside it
  std::vector<Setting>& settings = everybody   ? draft_.defaults.front().settings
                                   : ungrouped ? ungrouped_.settings
                                   : of_group  ? draft_.groups[found->second].settings
                                               : draft_.hosts[found->second].settings;
  ReadAnsibleVarsFile(file, settings, diagnostics_);
}

// A group of the draft where it says anything that its hosts must hear.
void AnsibleDraft::AddUngrouped() {
  if (ungrouped_.settings.empty() && ungrouped_.weaker.empty()) return;
  std::set<std::string_view> grouped;
  for (const DraftGroup& group : draft_.groups)
    for (const Word& host : group.hosts) grouped.insert(host.text);
  for (const DraftHost& host : draft_.hosts)
    if (grouped.count(host.name) == 0) ungrouped_.hosts.push_back({host.name, host.origin});
  if (!ungrouped_.hosts.empty()) draft_.groups.push_back(std::move(ungrouped_));
}

Draft AnsibleDraft::Finish(const AnsibleVarsFiles& files) {
  for (const AnsibleVarsFile& file : files) AddFile(file);
  AddUngrouped();
  return std::move(draft_);
}

}  // namespace fleetsync::inventory
