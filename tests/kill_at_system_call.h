#pragma once

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace fleetsync {

// Runs `work` in a child that is killed at its `n`-th entry to or return from a system call,
// from 1. False: it was through before. A loop over n, until it says false, is a crash at every
// instant that the file system can tell from another.
template <class F>
bool KilledAtSystemCall(int n, F&& work) {
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    work();
    _exit(0);
  }
  int status = 0;
  for (int stops = 0; waitpid(child, &status, 0) == child && WIFSTOPPED(status); ++stops) {
    if (stops == n) kill(child, SIGKILL);
    if (ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) != 0 && stops != n) {
      ADD_FAILURE() << "the child cannot be traced";
      kill(child, SIGKILL);
    }
  }
  return WIFSIGNALED(status);
}

}  // namespace fleetsync
