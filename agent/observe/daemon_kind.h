#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/observe/daemon_state.h"

namespace fleetsync::observe {

// Whom the agent observes.
enum class Kind : uint8_t { kNone, kAuto, kChrony, kNtp, kOpenntpd, kTimesyncd };

// "none", "auto", "chrony", …; none: no such word.
std::optional<Kind> KindOf(std::string_view word);
std::string_view ToString(Kind kind);

// Which daemon a program is, by its name and what `ps` shows of it; kNone: one that cannot be
// asked. ntpd is the name of four programs: the classic one, ntpsec's, OpenNTPD's and busybox's.
Kind KindOfProgram(std::string_view name, const std::vector<std::string>& arguments);

// The command that asks a daemon which answers no datagrams; empty: it does. Programs are looked
// for where they are installed, not along a PATH.
struct Question {
  std::vector<std::string> paths;      // of the program: the first that is there
  std::vector<std::string> arguments;  // without argv[0]
};
std::optional<Question> QuestionFor(Kind kind);

// What that command printed: any bytes. `well`: it ended with 0.
DaemonState ReadOutput(Kind kind, std::string_view output, bool well);

}  // namespace fleetsync::observe
