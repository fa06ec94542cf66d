#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/time.h"

namespace fleetsync::ssh {

// Programs of this machine, started with an argument vector: no shell reads it.

// Where a program is, by $PATH; empty: nowhere.
std::string FindProgram(const std::string& name);

// Runs `argv` (argv[0] is searched in $PATH) with no input and returns its standard output, for at
// most `deadline` and `limit` bytes: then it is killed. Blocks. FailedPrecondition with what it
// wrote on standard error when it does not exit with 0.
StatusOr<std::string> RunProgram(const std::vector<std::string>& argv, Duration deadline,
                                 size_t limit);

// A program that speaks over a socket: its standard input and output are one end of a socket pair.
class PipedProgram {
 public:
  struct Ends {
    int socket = -1;  // non-blocking; the caller's to close
    int errors = -1;  // non-blocking read end of its standard error; the caller's to close
  };

  static StatusOr<PipedProgram> Start(const std::vector<std::string>& argv);
  PipedProgram(PipedProgram&& other) noexcept;
  PipedProgram& operator=(PipedProgram&&) = delete;
  // Ends the program and what it started, when it still runs.
  ~PipedProgram();

  const Ends& ends() const { return ends_; }
  pid_t pid() const { return pid_; }

 private:
  PipedProgram(pid_t pid, Ends ends) : pid_(pid), ends_(ends) {}

  pid_t pid_;
  Ends ends_;
};

}  // namespace fleetsync::ssh
