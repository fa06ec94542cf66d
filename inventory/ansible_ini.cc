#include "inventory/ansible_ini.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/draft.h"
#include "inventory/host_set.h"
#include "inventory/name.h"
#include "inventory/network.h"
#include "inventory/variables.h"

namespace fleetsync::inventory {
namespace {

// The line without a comment: from '#' or ';' at its beginning, from " #" on elsewhere.
std::string_view WithoutComment(std::string_view line) {
  line = Trim(line);
  if (line.starts_with('#') || line.starts_with(';')) return {};
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '#' && i > 0 && (line[i - 1] == ' ' || line[i - 1] == '\t')) {
      return Trim(line.substr(0, i));
    }
  }
  return line;
}

// "[web:children]" is {"web", "children"}.
struct Header {
  std::string group, kind;
};
std::optional<Header> HeaderOf(std::string_view line) {
  if (!line.starts_with('[') || !line.ends_with(']')) return std::nullopt;
  const std::string_view inside = line.substr(1, line.size() - 2);
  if (ParseIpAddress(inside)) return std::nullopt;  // servers.txt's [2001:db8::1]
  const size_t colon = inside.find(':');
  if (colon == std::string_view::npos) return Header{std::string(inside), ""};
  return Header{std::string(inside.substr(0, colon)), std::string(inside.substr(colon + 1))};
}

// Words at blanks that are not in quotes; the quotes go.
std::vector<std::string> QuotedWords(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (const char c : line) {
    if (quote == 0 && (c == ' ' || c == '\t')) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else {
      words.back() += c;
    }
  }
  return words;
}

// The hop in "-J bastion", "-o ProxyJump=bastion", "-oProxyJump bastion"; empty: none.
std::string JumpIn(std::string_view arguments) {
  const std::vector<std::string> words = QuotedWords(arguments);
  for (size_t i = 0; i < words.size(); ++i) {
    const bool has_next = i + 1 < words.size();
    if (words[i] == "-J" && has_next) return words[i + 1];
    std::string option = words[i] == "-o" && has_next ? words[i + 1] : words[i];
    if (option.starts_with("-o")) option.erase(0, 2);
    constexpr std::string_view kJump = "ProxyJump=";
    if (option.starts_with(kJump)) return option.substr(kJump.size());
  }
  return {};
}

bool IsYes(std::string_view value) {
  constexpr std::array kYes =
      std::to_array<std::string_view>({"yes", "true", "True", "TRUE", "1", "on", "y"});
  return std::find(kYes.begin(), kYes.end(), value) != kYes.end();
}

constexpr std::array kPasswords = std::to_array<std::string_view>(
    {"ansible_password", "ansible_ssh_pass", "ansible_become_password", "ansible_become_pass",
     "ansible_sudo_pass"});

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

class Reader {
 public:
  Reader(const std::string& file, Diagnostics& diagnostics) : diagnostics_(diagnostics) {
    draft_.path = file;
    draft_.defaults.push_back({.from = "all:vars", .settings = {}});
  }

  Draft Read(std::string_view text) {
    int number = 0;
    for (const std::string_view raw : Split(text, '\n')) {
      where_ = {.file = draft_.path, .line = ++number, .column = 1};
      const std::string_view line = WithoutComment(raw);
      if (line.empty()) continue;
      if (const auto header = HeaderOf(line)) {
        Open(*header);
      } else if (kind_ == "vars") {
        ReadVariable(line);
      } else if (kind_ == "children") {
        ReadChild(line);
      } else {
        ReadHost(line);
      }
    }
    return std::move(draft_);
  }

 private:
  void Error(std::string what, std::string hint) {
    AddError(diagnostics_, where_, std::move(what), std::move(hint));
  }

  static bool IsEverybody(std::string_view group) { return group == "all" || group == "ungrouped"; }

  void Open(const Header& header) {
    kind_ = header.kind;
    group_ = header.group;
    if (!kind_.empty() && kind_ != "vars" && kind_ != "children") {
      Error(fmt::format("'[{}:{}]' is no section of an Ansible inventory", header.group, kind_),
            "write [GROUP], [GROUP:vars] or [GROUP:children]");
      kind_.clear();
    }
    if (!IsEverybody(group_)) FindOrAdd(group_);
  }

  DraftGroup* FindOrAdd(const std::string& name) {
    const auto [found, is_new] = index_.try_emplace(name, draft_.groups.size());
    if (is_new) {
      if (const Problem problem = CheckGroupName(name); !problem.ok())
        Error(problem.what, problem.hint);
      draft_.groups.push_back(
          {.name = name, .origin = where_, .hosts = {}, .children = {}, .settings = {}});
    }
    return &draft_.groups[found->second];
  }

  void ReadChild(std::string_view line) {
    const std::string child(line);
    if (child.find_first_of(" \t=") != std::string::npos) {
      // Not repeated: it may hold a password.
      Error("a line of children is the name of one group", "write one group a line");
      return;
    }
    FindOrAdd(child);
    if (!IsEverybody(group_)) FindOrAdd(group_)->children.push_back({child, where_});
  }

  void ReadVariable(std::string_view line) {
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      Error("a line of variables without '='", "write NAME=VALUE");
      return;
    }
    std::vector<std::string> value = QuotedWords(Trim(line.substr(equals + 1)));
    std::vector<Setting>& settings =
        IsEverybody(group_) ? draft_.defaults.front().settings : FindOrAdd(group_)->settings;
    Set(std::string(Trim(line.substr(0, equals))), Join(value, " "), settings);
  }

  void ReadHost(std::string_view line) {
    const std::vector<std::string> words = QuotedWords(line);
    const StatusOr<std::vector<std::string>> names = ExpandRange(words.front());
    if (!names.ok()) {
      Error(Message(names.status()), "write ranges as NAME[01:40]");
      return;
    }
    for (const std::string& name : *names) {
      if (const Problem problem = CheckHostName(name); !problem.ok()) {
        Error(problem.what, problem.hint);
        continue;
      }
      DraftHost& host = HostNamed(name);
      if (!IsEverybody(group_) && !group_.empty())
        FindOrAdd(group_)->hosts.push_back({name, where_});
      for (size_t i = 1; i < words.size(); ++i) {
        const size_t equals = words[i].find('=');
        if (equals != std::string::npos)
          Set(words[i].substr(0, equals), words[i].substr(equals + 1), host.settings);
      }
    }
  }

  DraftHost& HostNamed(const std::string& name) {
    const auto [found, is_new] = hosts_.try_emplace(name, draft_.hosts.size());
    if (is_new)
      draft_.hosts.push_back({.name = name, .origin = where_, .settings = {}, .password = {}});
    return draft_.hosts[found->second];
  }

  void Set(const std::string& name, const std::string& value, std::vector<Setting>& settings) {
    if (std::find(kPasswords.begin(), kPasswords.end(), name) != kPasswords.end()) {
      Error(fmt::format("a password in clear ('{}') is refused", name),
            "put it into a file of mode 600 and write fleetsync_password_file=PATH, or "
            "fleetsync_become_password_file=PATH");
      return;
    }
    if (name == "ansible_become") {
      if (IsYes(value)) Put("become", "sudo", settings, false);
    } else if (name == "ansible_become_method") {
      Put("become", value, settings, true);
    } else if (name == "ansible_ssh_common_args" || name == "ansible_ssh_extra_args") {
      if (const std::string jump = JumpIn(value); !jump.empty())
        Put("proxy_jump", jump, settings, true);
    } else if (constexpr std::string_view kOurs = "fleetsync_"; name.starts_with(kOurs)) {
      SetOurs(name.substr(kOurs.size()), value, settings);
    } else {
      for (const Renamed& renamed : kRenamed)
        if (renamed.theirs == name) Put(std::string(renamed.ours), value, settings, true);
    }
  }

  // fleetsync_time_servers=a,b is time.servers: [a, b].
  void SetOurs(std::string name, const std::string& value, std::vector<Setting>& settings) {
    if (name.starts_with("time_")) name = "time." + name.substr(5);
    if (FindKey(name) == nullptr) {
      Error(fmt::format("fleetsync has no key '{}'", Printable(name)),
            "docs/inventory.md has them; those of time are written fleetsync_time_KEY");
      return;
    }
    Put(name, value, settings, true);
  }

  // Of two settings of one key the later holds when it `overrides`.
  void Put(const std::string& name, const std::string& value, std::vector<Setting>& settings,
           bool overrides) {
    const Key* key = FindKey(name);
    Setting setting{.key = key, .words = {}, .origin = where_};
    if (key->form == Key::Form::kScalar) {
      setting.words.push_back({value, where_});
    } else {
      for (const std::string_view item : Split(value, ','))
        if (!Trim(item).empty()) setting.words.push_back({std::string(Trim(item)), where_});
    }
    for (const Word& word : setting.words) {
      if (const Problem problem = Check(*key, word); !problem.ok()) {
        Error(fmt::format("{}: {}", name, problem.what), problem.hint);
        return;
      }
    }
    const auto same = std::find_if(settings.begin(), settings.end(),
                                   [&](const Setting& other) { return other.key == key; });
    if (same == settings.end()) {
      settings.push_back(std::move(setting));
    } else if (overrides) {
      *same = std::move(setting);
    }
  }

  Diagnostics& diagnostics_;
  Draft draft_;
  Origin where_;
  std::string group_, kind_;
  std::map<std::string, size_t> index_, hosts_;
};

}  // namespace

bool IsAnsibleIni(std::string_view text) {
  for (const std::string_view raw : Split(text, '\n')) {
    const std::string_view line = WithoutComment(raw);
    if (line.empty()) continue;
    if (HeaderOf(line)) return true;
    return line.find(" ansible_") != std::string_view::npos;
  }
  return false;
}

Loaded ParseAnsibleIni(std::string_view text, const std::string& file) {
  Loaded loaded;
  Draft draft = Reader(file, loaded.diagnostics).Read(text);
  loaded.inventory = BuildInventory(std::move(draft), loaded.diagnostics);
  SortByPlace(loaded.diagnostics);
  return loaded;
}

}  // namespace fleetsync::inventory
