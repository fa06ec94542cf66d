#include "inventory/servers_txt.h"

#include <algorithm>
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

namespace fleetsync::inventory {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kForms = "write HOST, USER HOST or USER PASSWORD HOST";

// The hosts of one line.
struct Entry {
  std::string_view user, password, host;  // host: without user and port, perhaps a range
  unsigned port = 0;                      // 0: not written
};

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
    if (text.starts_with("\r\n"))
      text.remove_prefix(2);
    else if (!text.empty())
      text.remove_prefix(1);
  }
  return lines;
}

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) { draft_.path = file; }

  ServersTxt Read(std::string_view text) {
    Diagnostics& diagnostics = result_.loaded.diagnostics;
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    if (text.find('\0') != std::string_view::npos) {
      line_ = {};
      number_ = static_cast<int>(SplitLines(text.substr(0, text.find('\0') + 1)).size());
      Error({}, "a NUL byte; this is not plain text", "save the file as UTF-8 text");
      return std::move(result_);
    }
    for (const std::string_view line : SplitLines(text)) {
      line_ = line;
      ++number_;
      ReadLine();
    }
    if (number_of_passwords_ > 0)
      AddWarning(diagnostics, first_password_,
                 fmt::format("passwords in clear in this file ({})", number_of_passwords_),
                 "keys are safer: ssh-copy-id USER@HOST, then remove the second word");
    draft_.hosts_first = true;
    result_.loaded.inventory = BuildInventory(std::move(draft_), diagnostics);
    SortByPlace(diagnostics);
    return std::move(result_);
  }

 private:
  // The place of a part of the line.
  Origin At(std::string_view part) const {
    const size_t bytes = part.empty() ? 0 : static_cast<size_t>(part.data() - line_.data());
    return {file_, number_, static_cast<int>(DisplayWidth(line_.substr(0, bytes))) + 1};
  }
  void Error(std::string_view part, std::string what, std::string hint) {
    AddError(result_.loaded.diagnostics, At(part), std::move(what), std::move(hint));
  }

  // The words before a comment. A '#' inside a word is part of it; a word that begins with '#' ends
  // the line. Nothing when that word may as well be a password.
  std::optional<std::vector<std::string_view>> WordsOfLine() {
    std::vector<std::string_view> words = SplitWords(line_);
    const auto comment = std::find_if(words.begin(), words.end(),
                                      [](std::string_view word) { return word.starts_with('#'); });
    if (comment == words.end()) return words;
    const bool second = comment - words.begin() == 1;
    const bool ends_after_three =
        words.size() == 3 || (words.size() > 3 && words[3].starts_with('#'));
    if (second && comment->size() > 1 && ends_after_three) {
      result_.holds_passwords = true;
      Error(*comment, "'#' begins a comment or a password here",
            "put a space behind the '#' of a comment; for a password that begins with '#' use "
            "fleet.yaml and password_file");
      return std::nullopt;
    }
    words.erase(comment, words.end());
    return words;
  }

  void ReadLine() {
    const std::optional<std::vector<std::string_view>> words = WordsOfLine();
    if (!words || words->empty()) return;
    if (words->size() > 3) {
      result_.holds_passwords = true;
      Error(words->at(3), fmt::format("{} words, where a line has one to three", words->size()),
            std::string(kForms) +
                "; a password with a blank in it needs fleet.yaml and "
                "password_file");
      return;
    }
    Entry entry;
    entry.host = words->back();
    if (words->size() > 1) entry.user = words->front();
    if (words->size() == 3) {
      entry.password = words->at(1);
      result_.holds_passwords = true;
    }
    if (!words->front().starts_with('[') || words->size() > 1 || !LooksLikeSection(entry.host)) {
      if (SplitHost(entry) && CheckEntry(entry)) AddHosts(entry);
      return;
    }
    Error(entry.host, "this looks like a section of an Ansible inventory",
          "list the hosts alone, one a line, or write them as fleet.yaml");
  }

  // "[web]", "[web:children]": letters, and no range in it.
  static bool LooksLikeSection(std::string_view word) {
    if (!word.ends_with(']') || IsIpAddress(word.substr(1, word.size() - 2))) return false;
    return word.find_first_of("-,") == std::string_view::npos &&
           word.find_first_not_of("[]0123456789:") != std::string_view::npos;
  }

  // Takes "USER@" and ":PORT" off the host.
  bool SplitHost(Entry& entry) {
    const size_t at = entry.host.rfind('@');
    if (at != std::string_view::npos) {
      if (!entry.user.empty()) {
        Error(entry.host, "the user is there twice, before the host and as its own word",
              "keep one of the two");
        return false;
      }
      entry.user = entry.host.substr(0, at);
      if (entry.user.empty()) {
        Error(entry.host, "nothing before the '@'", "write USER@HOST");
        return false;
      }
      entry.host.remove_prefix(at + 1);
    }
    const HostAndPort parts = SplitPort(entry.host);
    entry.host = parts.host;
    if (!parts.has_port) return true;
    entry.port = ParsePort(parts.port);
    if (entry.port == 0)
      Error(parts.port.empty() ? parts.host : parts.port, "this is not a port",
            "write HOST:PORT with a port from 1 to 65535");
    return entry.port != 0;
  }

  bool CheckEntry(const Entry& entry) {
    if (!entry.user.empty() && IsIpAddress(entry.user)) {
      Error(entry.user, "an address where the user belongs",
            std::string(kForms) + ": the host comes last");
      return false;
    }
    if (!entry.user.empty() && !CheckUser(entry.user).ok()) {
      Error(entry.user, "this is not a login name", CheckUser(entry.user).hint);
      return false;
    }
    return true;
  }

  void AddHosts(const Entry& entry) {
    const bool plain = IsIpAddress(entry.host);
    StatusOr<std::vector<std::string>> names = ExpandRange(entry.host);
    if (plain) names = std::vector<std::string>{std::string(entry.host)};
    if (!names.ok()) {
      Error(entry.host, "this is not a host name or a range", "write ranges as NAME[01-40]");
      return;
    }
    const auto bad = std::find_if(names->begin(), names->end(), [](const std::string& name) {
      return !CheckHostName(name).ok();
    });
    if (bad != names->end()) {
      Error(entry.host, "this is not a host name", CheckHostName(*bad).hint);
      return;
    }
    if (draft_.hosts.size() + names->size() > kMostNames) {
      Error(entry.host, fmt::format("more than {} hosts in this file", kMostNames),
            "use several files");
      return;
    }
    if (!entry.password.empty() && number_of_passwords_++ == 0)
      first_password_ = At(entry.password);
    for (std::string& name : *names) AddHost(entry, std::move(name));
  }

  void AddHost(const Entry& entry, std::string name) {
    const Origin origin = At(entry.host);
    const auto [first, is_new] = lines_.try_emplace(name, number_);
    if (!is_new) {
      Error(entry.host,
            fmt::format("host {} is there already, in line {}", Quoted(name), first->second),
            "keep one of the two");
      return;
    }
    DraftHost host;
    host.name = std::move(name);
    host.origin = origin;
    host.password = Secret(std::string(entry.password));
    if (!entry.user.empty()) Set(host, "user", std::string(entry.user), At(entry.user));
    if (entry.port != 0) Set(host, "port", fmt::format("{}", entry.port), origin);
    draft_.hosts.push_back(std::move(host));
  }

  static void Set(DraftHost& host, std::string_view key, std::string text, const Origin& origin) {
    host.settings.push_back(
        {.key = FindKey(key), .words = {Word{std::move(text), origin}}, .origin = origin});
  }

  std::string file_;
  ServersTxt result_;
  Draft draft_;
  std::map<std::string, int> lines_;
  std::string_view line_;
  int number_ = 0;
  int number_of_passwords_ = 0;
  Origin first_password_;
};

}  // namespace

ServersTxt ParseServersTxt(std::string_view text, const std::string& file) {
  return Reader(file).Read(text);
}

}  // namespace fleetsync::inventory
