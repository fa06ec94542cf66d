#include "agent/daemon/syscall_filter.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>
#include <vector>

#include "base/clock_read.h"
#include "gtest/gtest.h"

namespace fleetsync::daemon {
namespace {

// What a child that is confined so ends with, when it does `what`: its exit code, or minus a
// signal.
int Confined(Forbidden forbidden, const std::function<int()>& what) {
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!FilterSystemCalls(forbidden).ok()) _exit(200);
    _exit(what());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(FilterSystemCalls, WhatTheTimeProcessDoesPasses) {
  EXPECT_EQ(Confined(Forbidden::kKills,
                     [] {
                       const Now now = ReadClocks();
                       const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
                       const bool wrote = write(fd, "a", 1) == 1 && fsync(fd) != 1;
                       const int socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
                       const bool polled = poll(nullptr, 0, 1) == 0;
                       std::thread([] {}).join();
                       timex read{};
                       const bool clock = clock_adjtime(CLOCK_REALTIME, &read) >= 0;
                       const bool all = now.mono > MonoTime() && wrote && socket_fd >= 0 &&
                                        polled && clock && close(fd) == 0;
                       return all ? 0 : 1;
                     }),
            0);
}

TEST(FilterSystemCalls, AnotherProgramIsRefusedOrTheEnd) {
  const auto start_a_program = [] {
    execl("/bin/true", "true", nullptr);
    return errno;
  };
  EXPECT_EQ(Confined(Forbidden::kFails, start_a_program), EPERM);
  EXPECT_EQ(Confined(Forbidden::kKills, start_a_program), -SIGSYS);
}

TEST(FilterSystemCalls, OtherPowersOfRootAreRefused) {
  const std::function<int()> calls[] = {
      [] { return ptrace(PTRACE_TRACEME) == 0 ? 0 : errno; },
      [] { return mount("none", "/", "tmpfs", 0, "") == 0 ? 0 : errno; },
      [] { return kill(getppid(), 0) == 0 ? 0 : errno; },
      // setuid(3) asks all threads, and ends the process where they differ: a sanitizer's is one.
      [] { return syscall(SYS_setuid, 0) == 0 ? 0 : errno; },
      [] { return syscall(SYS_bpf, 0, nullptr, 0) == 0 ? 0 : errno; },
  };
  for (const auto& call : calls) EXPECT_EQ(Confined(Forbidden::kFails, call), EPERM);
}

TEST(BuildFilter, FitsIntoTheKernel) {
  const std::vector<int> many(1000, 1);
  EXPECT_LT(BuildFilter(many, Forbidden::kFails).size(), size_t{BPF_MAXINSNS});
}

}  // namespace
}  // namespace fleetsync::daemon
