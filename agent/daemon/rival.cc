#include "agent/daemon/rival.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

constexpr size_t kLargest = 1024 * 1024;

// As the kernel cuts names off, in /proc/PID/comm. OpenNTPD's and ntpsec's are ntpd, too.
struct Known {
  std::string_view comm;
  std::string_view name;
};
constexpr std::array<Known, 5> kDaemons = {{{"chronyd", "chronyd"},
                                            {"ntpd", "ntpd"},
                                            {"openntpd", "openntpd"},
                                            {"systemd-timesyn", "systemd-timesyncd"},
                                            {"phc2sys", "phc2sys"}}};

bool IsNumber(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string> Arguments(const std::string& process) {
  const auto text = ReadFile(process + "/cmdline", kLargest);
  std::vector<std::string> words;
  if (!text.ok()) return words;
  for (const std::string_view word : Split(*text, '\0')) words.emplace_back(word);
  return words;
}

// `chronyd -x`, also among other letters.
bool LeavesTheClockAlone(std::string_view name, const std::vector<std::string>& arguments) {
  return name == "chronyd" &&
         std::any_of(arguments.begin(), arguments.end(), [](const std::string& a) {
           return a.starts_with('-') && !a.starts_with("--") && a.find('x') != std::string::npos;
         });
}

std::string_view NameOf(const std::string& process) {
  const auto comm = ReadFile(process + "/comm", kLargest);
  if (!comm.ok()) return "";
  const std::string_view word = Trim(*comm);
  for (const Known& known : kDaemons) {
    if (known.comm == word) return known.name;
  }
  if (word != "busybox") return "";
  const std::vector<std::string> arguments = Arguments(process);
  return arguments.size() > 1 && arguments[1] == "ntpd" ? "ntpd" : "";
}

// How many process namespaces deep a process is, as this one sees it; 0: the kernel does not tell.
size_t Depth(const std::string& process) {
  constexpr std::string_view kKey = "NSpid:";
  const auto status = ReadFile(process + "/status", kLargest);
  if (!status.ok()) return 0;
  for (const std::string_view line : Split(*status, '\n'))
    if (line.starts_with(kKey)) return SplitWords(line.substr(kKey.size())).size();
  return 0;
}

std::string PidNamespace(const std::string& process) {
  std::error_code error;
  return std::filesystem::read_symlink(process + "/ns/pid", error).string();
}

// Root without CAP_SYS_PTRACE, as the service has it, may not see the namespaces of other users'
// processes: then their depth tells.
bool RunsInAContainer(const std::string& process, const std::string& self) {
  const std::string there = PidNamespace(process);
  return there.empty() ? Depth(process) != Depth(self) : there != PidNamespace(self);
}

}  // namespace

std::vector<TimeProgram> FindTimePrograms(const std::string& proc) {
  std::vector<TimeProgram> programs;
  std::error_code error;
  for (std::filesystem::directory_iterator it(proc, error), end; !error && it != end;
       it.increment(error)) {
    const std::string process = it->path().string();
    const std::string pid = it->path().filename().string();
    if (!IsNumber(pid)) continue;
    const std::string_view name = NameOf(process);
    if (name.empty()) continue;
    std::vector<std::string> arguments = Arguments(process);
    if (LeavesTheClockAlone(name, arguments) || RunsInAContainer(process, proc + "/self")) continue;
    programs.push_back({std::string(name), pid, std::move(arguments)});
  }
  return programs;
}

bool StillRuns(const TimeProgram& program, const std::string& proc) {
  return NameOf(fmt::format("{}/{}", proc, program.pid)) == program.name;
}

std::string FindRival(const std::string& proc) {
  const std::vector<TimeProgram> programs = FindTimePrograms(proc);
  return programs.empty() ? "" : fmt::format("{} (process {})", programs[0].name, programs[0].pid);
}

}  // namespace fleetsync::daemon
