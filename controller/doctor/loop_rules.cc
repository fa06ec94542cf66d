#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/text.h"
#include "controller/doctor/rule_parts.h"
#include "fmt/format.h"

namespace fleetsync::doctor {
namespace {

bool IsNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

// Where `word` stands in `text` as a command or a word of its own; npos: nowhere.
size_t FindWord(std::string_view text, std::string_view word, size_t from = 0) {
  for (size_t at = text.find(word, from); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || !IsNameCharacter(text[at - 1]);
    const bool ends =
        end == text.size() || (!IsNameCharacter(text[end]) && text[end] != '=' && text[end] != '/');
    if (begins && ends) return at;
  }
  return std::string_view::npos;
}

std::string_view WithoutComment(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  if (trimmed.starts_with("#")) return {};
  return text.substr(0, text.find(" #"));
}

// Options come before the host; -n, or -f which means it, among others.
bool LeavesInputAlone(std::string_view command) {
  command = command.substr(0, command.find_first_of(";|"));
  if (command.find("</dev/null") != std::string_view::npos ||
      command.find("< /dev/null") != std::string_view::npos)
    return true;
  const auto words = SplitWords(command);
  return std::any_of(words.begin(), words.end(), [](std::string_view word) {
    const bool options = word.size() > 1 && word[0] == '-' && word[1] != '-' && word[1] != 'o';
    return options && word.find_first_of("nf") != std::string_view::npos;
  });
}

// Reads the list from another descriptor than ssh's input.
bool ReadsElsewhere(std::string_view text) {
  return text.find("read -u") != std::string_view::npos ||
         text.find("<&") != std::string_view::npos;
}

// Follows the loops of one file, line by line.
class LoopReader {
 public:
  // True when ssh on this line eats the list.
  bool OnLine(std::string_view line) {
    const std::string_view text = WithoutComment(line);
    bool eats = false;
    const size_t loop = FindWord(text, "while");
    if (loop != std::string_view::npos && FindWord(text, "read", loop) != std::string_view::npos &&
        !ReadsElsewhere(text)) {
      depth_ = 1;
      eats = HasSsh(text.substr(loop));
    } else if (depth_ > 0) {
      eats = HasSsh(text);
      if (FindWord(text, "do") != std::string_view::npos && loop == std::string_view::npos &&
          (FindWord(text, "for") != std::string_view::npos ||
           FindWord(text, "until") != std::string_view::npos))
        ++depth_;
      if (loop != std::string_view::npos) ++depth_;
    }
    if (FindWord(text, "done") != std::string_view::npos && depth_ > 0) --depth_;
    return eats;
  }

 private:
  static bool HasSsh(std::string_view text) {
    const size_t at = FindWord(text, "ssh");
    return at != std::string_view::npos && !LeavesInputAlone(text.substr(at));
  }

  int depth_ = 0;  // of loops, from the outermost `while read` on
};

}  // namespace

void Loops(const Case& patient, Findings& findings) {
  std::string path;
  LoopReader reader;
  for (const FileLine& line : patient.answers.loops) {
    if (line.path != path) reader = LoopReader();
    path = line.path;
    if (reader.OnLine(line.text))
      Add(findings, "ssh-eats-list", Severity::kWarning,
          fmt::format("{}: ssh inside `while read` eats the list: only its first host is done",
                      line.where),
          "ssh -n there; or one command for all hosts: fleetsync sync-all");
  }
  for (const std::string& where : patient.answers.expect_sends)
    Add(findings, "expect-no-return", Severity::kWarning,
        fmt::format("{}: expect sends no return (\\r) behind what it types: ssh waits for ever",
                    where),
        "use keys; or one command for all hosts: fleetsync sync-all");
}

}  // namespace fleetsync::doctor
