#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/ansible_variables.h"
#include "inventory/ansible_vars_file.h"
#include "inventory/draft.h"

namespace fleetsync::inventory {

// What both forms of an Ansible inventory say, INI and YAML, put together by Ansible's rules. `all`
// and `ungrouped` are groups by name, but none of the draft: the first is everybody, the second
// those that no other group has.
class AnsibleDraft {
 public:
  AnsibleDraft(const std::string& file, Diagnostics& diagnostics);

  void AddGroup(const std::string& group, const Origin& where);
  void AddChild(const std::string& group, const std::string& child, const Origin& where);

  // "web[01:40].example", with ":2222" behind it where sshd listens there; `set` gives one host its
  // variables. What is wrong in them is said once for all of the range.
  using SetVariables = std::function<void(AnsibleVariables&, std::vector<Setting>&)>;
  void AddHosts(const std::string& group, std::string_view pattern, const Origin& where,
                const SetVariables& set);

  // Where the variables of a group go that was added. Valid until the next Add.
  std::vector<Setting>& SettingsOf(const std::string& group);

  // ansible_group_priority: of groups that are equally deep the higher wins.
  void SetPriority(const std::string& group, std::string_view value);

  // Everything, with group_vars and host_vars over it.
  Draft Finish(const AnsibleVarsFiles& files);

 private:
  static bool IsEverybody(std::string_view group) { return group == "all"; }
  DraftGroup& Group(const std::string& name) { return draft_.groups[groups_.at(name)]; }
  std::vector<std::string> NamesOf(std::string_view range, const Origin& where);
  std::vector<Setting>& AddHost(const std::string& group, const std::string& name,
                                const Origin& where);
  bool CheckNames(const std::vector<std::string>& names, const Origin& where);
  void AddUngrouped();
  void AddFile(const AnsibleVarsFile& file);

  Diagnostics& diagnostics_;
  Draft draft_;
  DraftGroup ungrouped_;
  std::map<std::string, size_t, std::less<>> groups_, hosts_;
  size_t number_of_names_ = 0;
};

}  // namespace fleetsync::inventory
