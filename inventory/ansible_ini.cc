#include "inventory/ansible_ini.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/ansible_draft.h"
#include "inventory/ansible_variables.h"
#include "inventory/network.h"

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

class Reader {
 public:
  Reader(const std::string& file, Diagnostics& diagnostics)
      : file_(file),
        diagnostics_(diagnostics),
        variables_(diagnostics),
        draft_(file, diagnostics) {}

  Draft Read(std::string_view text, const AnsibleVarsFiles& files) {
    int number = 0;
    for (const std::string_view raw : Split(text, '\n')) {
      where_ = {.file = file_, .line = ++number, .column = 1};
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
    return draft_.Finish(files);
  }

 private:
  void Error(std::string what, std::string hint) {
    AddError(diagnostics_, where_, std::move(what), std::move(hint));
  }

  void Open(const Header& header) {
    kind_ = header.kind;
    group_ = header.group;
    if (!kind_.empty() && kind_ != "vars" && kind_ != "children") {
      Error(fmt::format("'[{}:{}]' is no section of an Ansible inventory", header.group, kind_),
            "write [GROUP], [GROUP:vars] or [GROUP:children]");
      kind_.clear();
    }
    draft_.AddGroup(group_, where_);
  }

  void ReadChild(std::string_view line) {
    if (line.find_first_of(" \t=") != std::string_view::npos) {
      // Not repeated: it may hold a password.
      Error("a line of children is the name of one group", "write one group a line");
      return;
    }
    draft_.AddChild(group_, std::string(line), where_);
  }

  void ReadVariable(std::string_view line) {
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      Error("a line of variables without '='", "write NAME=VALUE");
      return;
    }
    const std::string name(Trim(line.substr(0, equals)));
    const std::string value = Join(QuotedWords(Trim(line.substr(equals + 1))), " ");
    if (name == "ansible_group_priority")
      draft_.SetPriority(group_, value);
    else
      variables_.Set(name, value, where_, draft_.SettingsOf(group_));
  }

  void ReadHost(std::string_view line) {
    const std::vector<std::string> words = QuotedWords(line);
    draft_.AddHosts(group_.empty() ? "ungrouped" : group_, words.front(), where_,
                    [&](AnsibleVariables& variables, std::vector<Setting>& settings) {
                      for (size_t i = 1; i < words.size(); ++i) {
                        const size_t equals = words[i].find('=');
                        if (equals != std::string::npos)
                          variables.Set(words[i].substr(0, equals), words[i].substr(equals + 1),
                                        where_, settings);
                      }
                    });
  }

  std::string file_;
  Diagnostics& diagnostics_;
  AnsibleVariables variables_;
  AnsibleDraft draft_;
  Origin where_;
  std::string group_, kind_;
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

Loaded ParseAnsibleIni(std::string_view text, const std::string& file,
                       const AnsibleVarsFiles& files) {
  Loaded loaded;
  Draft draft = Reader(file, loaded.diagnostics).Read(text, files);
  loaded.inventory = BuildInventory(std::move(draft), loaded.diagnostics);
  SortByPlace(loaded.diagnostics);
  return loaded;
}

}  // namespace fleetsync::inventory
