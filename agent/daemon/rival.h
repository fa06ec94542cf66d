#pragma once

#include <string>
#include <vector>

namespace fleetsync::daemon {

// A program on this host that sets its clock. Programs that were told to leave the clock alone, or
// that run in containers, are not among them.
struct TimeProgram {
  std::string name;  // "chronyd", "ntpd", "openntpd", "systemd-timesyncd", "phc2sys"
  std::string pid;
  std::vector<std::string> arguments;  // with argv[0]; may have been written over
};
// `proc`: where procfs is. Looks at every process.
std::vector<TimeProgram> FindTimePrograms(const std::string& proc = "/proc");

// Looks at this process alone.
bool StillRuns(const TimeProgram& program, const std::string& proc = "/proc");

// The first of them: "chronyd (process 123)"; empty: none runs.
std::string FindRival(const std::string& proc = "/proc");

}  // namespace fleetsync::daemon
