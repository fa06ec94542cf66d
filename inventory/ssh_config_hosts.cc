#include "inventory/ssh_config_hosts.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/draft.h"
#include "inventory/host_set.h"
#include "inventory/name.h"

namespace fleetsync::inventory {
namespace {

constexpr int kDeepestInclude = 16;  // as ssh

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

bool IsPattern(std::string_view word) {
  return word.starts_with('!') || word.find_first_of("*?") != std::string_view::npos;
}

class Reader {
 public:
  Reader(const std::string& file, const ReadSshConfigs& read_included, Diagnostics& diagnostics)
      : read_included_(read_included), diagnostics_(diagnostics) {
    draft_.path = file;
    draft_.hosts_first = true;
  }

  Draft Read(std::string_view text) {
    ReadFileOf(draft_.path, text, 0);
    return std::move(draft_);
  }

 private:
  // Of the block that a line stands in: of every host, or of some.
  enum class Scope : bool { kEverybody, kSome };

  void ReadFileOf(const std::string& path, std::string_view text, int depth) {
    Scope scope = Scope::kEverybody;
    Origin where{.file = path, .line = 0, .column = 1};
    for (const std::string_view raw : Split(text, '\n')) {
      ++where.line;
      const auto [keyword, rest] = SplitSshConfigLine(raw);
      if (keyword == "host") {
        const std::vector<std::string> words = QuotedWords(rest);
        scope = words == std::vector<std::string>{"*"} ? Scope::kEverybody : Scope::kSome;
        for (const std::string& word : words) AddHost(word, where);
      } else if (keyword == "match") {
        scope = Lower(rest) == "all" ? Scope::kEverybody : Scope::kSome;
      } else if (keyword == "include") {
        Include(rest, scope, where, depth);
      }
    }
  }

  void Include(std::string_view patterns, Scope scope, const Origin& where, int depth) {
    if (scope == Scope::kSome) {
      AddWarning(diagnostics_, where, "hosts of a file that is included for some hosts only",
                 "they are not read; move Include above the first Host and Match");
      return;
    }
    if (depth == kDeepestInclude) {
      AddError(diagnostics_, where, fmt::format("more than {} files inside one another", depth),
               "a file may not include itself");
      return;
    }
    for (const SshConfigFile& file : read_included_(patterns))
      if (number_of_files_++ < kMostFiles) ReadFileOf(file.path, file.text, depth + 1);
  }

  void AddHost(const std::string& name, const Origin& where) {
    if (name.empty() || IsPattern(name)) return;
    if (const Problem problem = CheckHostName(name); !problem.ok()) {
      AddWarning(diagnostics_, where, "not a host, and skipped: " + problem.what, problem.hint);
      return;
    }
    if (draft_.hosts.size() == kMostNames || !seen_.insert(name).second) return;
    DraftHost& host = draft_.hosts.emplace_back();
    host.name = name;
    host.origin = where;
  }

  static constexpr int kMostFiles = 10'000;

  const ReadSshConfigs& read_included_;
  Diagnostics& diagnostics_;
  Draft draft_;
  std::set<std::string> seen_;
  int number_of_files_ = 0;
};

}  // namespace

SshConfigLine SplitSshConfigLine(std::string_view line) {
  line = Trim(line);
  if (line.starts_with('#')) return {};
  const size_t end = std::min(line.find_first_of(" \t="), line.size());
  std::string_view rest = Trim(line.substr(end));
  if (rest.starts_with('=')) rest = Trim(rest.substr(1));
  return {Lower(line.substr(0, end)), rest};
}

bool IsSshConfig(std::string_view text) {
  // Those that people put in front of the first Host; ssh_config(5) has a hundred.
  constexpr std::array kKeywords = std::to_array<std::string_view>({"Host",
                                                                    "Match",
                                                                    "Include",
                                                                    "AddKeysToAgent",
                                                                    "AddressFamily",
                                                                    "BatchMode",
                                                                    "Compression",
                                                                    "ConnectTimeout",
                                                                    "ControlMaster",
                                                                    "ControlPath",
                                                                    "ControlPersist",
                                                                    "ForwardAgent",
                                                                    "HashKnownHosts",
                                                                    "IdentitiesOnly",
                                                                    "IdentityAgent",
                                                                    "IdentityFile",
                                                                    "IgnoreUnknown",
                                                                    "LogLevel",
                                                                    "Port",
                                                                    "ProxyJump",
                                                                    "SendEnv",
                                                                    "ServerAliveCountMax",
                                                                    "ServerAliveInterval",
                                                                    "StrictHostKeyChecking",
                                                                    "User",
                                                                    "UserKnownHostsFile",
                                                                    "VisualHostKey"});
  for (const std::string_view raw : Split(text, '\n')) {
    const SshConfigLine line = SplitSshConfigLine(raw);
    if (line.keyword.empty()) continue;
    const std::string_view keyword = Trim(raw).substr(0, line.keyword.size());
    return !line.rest.empty() &&
           std::find(kKeywords.begin(), kKeywords.end(), keyword) != kKeywords.end();
  }
  return false;
}

Loaded ParseSshConfigHosts(std::string_view text, const std::string& file,
                           const ReadSshConfigs& read_included) {
  Loaded loaded;
  Draft draft = Reader(file, read_included, loaded.diagnostics).Read(text);
  loaded.inventory = BuildInventory(std::move(draft), loaded.diagnostics);
  SortByPlace(loaded.diagnostics);
  return loaded;
}

}  // namespace fleetsync::inventory
