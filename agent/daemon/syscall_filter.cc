#include "agent/daemon/syscall_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>

namespace fleetsync::daemon {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "which system calls this machine has is not known here"
#endif
constexpr uint32_t kX32 = 0x40000000;  // bit of numbers in x86_64's other call table

// The older ones, which aarch64 does not have, are what glibc uses where it has them.
constexpr int kAllowed[] = {
    // the clock
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    // the network, and what getaddrinfo asks
    SYS_socket,
    SYS_connect,
    SYS_bind,
    SYS_sendto,
    SYS_sendmsg,
    SYS_sendmmsg,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_recvmmsg,
    SYS_getsockname,
    SYS_getpeername,
    SYS_setsockopt,
    SYS_getsockopt,
    SYS_shutdown,
    SYS_socketpair,
    SYS_ioctl,
    SYS_uname,
    // waiting
    SYS_ppoll,
    SYS_futex,
    SYS_restart_syscall,
    SYS_sched_yield,
    // files: the drift, the spool, the resolver's configuration and modules
    SYS_openat,
    SYS_close,
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_lseek,
    SYS_fcntl,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_fsync,
    SYS_fdatasync,
    SYS_ftruncate,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_unlinkat,
    SYS_renameat,
    SYS_renameat2,
    SYS_mkdirat,
    SYS_getdents64,
    SYS_faccessat,
    SYS_readlinkat,
    SYS_getcwd,
    SYS_umask,
    SYS_pipe2,
    SYS_dup,
    // memory
    SYS_brk,
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_getrandom,
    // threads, signals and the end
    SYS_clone,
    SYS_set_robust_list,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_setitimer,
    SYS_gettid,
    SYS_getpid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_tgkill,
    SYS_sched_getaffinity,
    SYS_prlimit64,
    SYS_exit,
    SYS_exit_group,
#ifdef SYS_clone3
    SYS_clone3,
#endif
#ifdef SYS_rseq
    SYS_rseq,
#endif
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
#if defined(__x86_64__)
    SYS_poll,
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_unlink,
    SYS_rename,
    SYS_mkdir,
    SYS_time,
    SYS_alarm,
    SYS_pipe,
#endif
};

constexpr sock_filter Statement(int code, uint32_t k) {
  return {static_cast<uint16_t>(code), 0, 0, k};
}

// Goes on behind the next instruction unless what is loaded is `k`.
constexpr sock_filter UnlessEqualSkip(uint32_t k) {
  return {static_cast<uint16_t>(BPF_JMP | BPF_JEQ | BPF_K), 0, 1, k};
}

}  // namespace

std::vector<sock_filter> BuildFilter(std::span<const int> allowed, Forbidden forbidden) {
  const uint32_t otherwise =
      forbidden == Forbidden::kKills ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
  std::vector<sock_filter> filter = {
      Statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      {static_cast<uint16_t>(BPF_JMP | BPF_JEQ | BPF_K), 1, 0, kArchitecture},
      Statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      Statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      {static_cast<uint16_t>(BPF_JMP | BPF_JGE | BPF_K), 0, 1, kX32},
      Statement(BPF_RET | BPF_K, otherwise),
  };
  for (const int number : allowed) {
    filter.push_back(UnlessEqualSkip(static_cast<uint32_t>(number)));
    filter.push_back(Statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  filter.push_back(Statement(BPF_RET | BPF_K, otherwise));
  return filter;
}

Status FilterSystemCalls(Forbidden forbidden) {
  std::vector<sock_filter> filter = BuildFilter(kAllowed, forbidden);
  const sock_fprog program{static_cast<uint16_t>(filter.size()), filter.data()};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "filtering system calls (--no-seccomp does without)");
}

}  // namespace fleetsync::daemon
