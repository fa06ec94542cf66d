#include "agent/observe/daemon_kind.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/observe/text_parsers.h"
#include "base/text.h"

namespace fleetsync::observe {
namespace {

constexpr std::array<std::pair<std::string_view, Kind>, 6> kWords = {{
    {"none", Kind::kNone},
    {"auto", Kind::kAuto},
    {"chrony", Kind::kChrony},
    {"ntp", Kind::kNtp},
    {"openntpd", Kind::kOpenntpd},
    {"timesyncd", Kind::kTimesyncd},
}};

std::vector<std::string> Places(std::string_view program) {
  std::vector<std::string> paths;
  for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/", "/usr/local/sbin/"})
    paths.push_back(std::string(folder) + std::string(program));
  return paths;
}

std::string FirstLine(std::string_view text) {
  text = Trim(text);
  return Printable(text.substr(0, text.find('\n')));
}

}  // namespace

std::optional<Kind> KindOf(std::string_view word) {
  const auto found = std::find_if(kWords.begin(), kWords.end(),
                                  [word](const auto& known) { return known.first == word; });
  return found == kWords.end() ? std::nullopt : std::optional(found->second);
}

std::string_view ToString(Kind kind) {
  const auto found = std::find_if(kWords.begin(), kWords.end(),
                                  [kind](const auto& known) { return known.second == kind; });
  return found == kWords.end() ? "none" : found->first;
}

Kind KindOfProgram(std::string_view name, const std::vector<std::string>& arguments) {
  if (name == "chronyd") return Kind::kChrony;
  if (name == "systemd-timesyncd") return Kind::kTimesyncd;
  if (name == "openntpd") return Kind::kOpenntpd;
  if (name != "ntpd") return Kind::kNone;
  std::string shown;
  for (const std::string& argument : arguments) shown += argument + " ";
  if (shown.find("busybox") != std::string::npos) return Kind::kNone;
  const bool openntpd = shown.starts_with("ntpd: ") || shown.find("openntpd") != std::string::npos;
  return openntpd ? Kind::kOpenntpd : Kind::kNtp;
}

std::optional<Question> QuestionFor(Kind kind) {
  if (kind == Kind::kOpenntpd) return Question{Places("ntpctl"), {"-s", "all"}};
  if (kind == Kind::kTimesyncd)
    return Question{Places("timedatectl"), {"--no-pager", "timesync-status"}};
  return std::nullopt;
}

DaemonState ReadOutput(Kind kind, std::string_view output, bool well) {
  DaemonState state;
  state.daemon = ToString(kind);
  state.answered = well && (kind == Kind::kOpenntpd ? ParseOpenntpd(output, state)
                                                    : ParseTimesyncStatus(output, state));
  if (!state.answered) {
    state.trouble = FirstLine(output);
    if (state.trouble.empty()) state.trouble = "no answer";
  }
  state.sources.resize(std::min<size_t>(state.sources.size(), 64));
  for (Source& source : state.sources) {
    source.name = Printable(source.name);
    source.reference_id = Printable(source.reference_id);
  }
  return state;
}

}  // namespace fleetsync::observe
