#include "agent/daemon/reporter_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/report/reporter.h"
#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

using report::SpoolMessage;

constexpr Duration kFirstBackOff = std::chrono::seconds(1);
constexpr int kMaxDoublings = 6;                            // to 64 s
constexpr Duration kHealthyLife = std::chrono::minutes(1);  // after which the back-off starts anew
constexpr int kStopPolls = 100;
constexpr timespec kStopPollInterval = {0, 10'000'000};

// The child's end; what is left open by the time process is close-on-exec.
constexpr int kChildSocket = 3;

std::string DescribeExit(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
  return fmt::format("ended with {}", WEXITSTATUS(status));
}

}  // namespace

ReporterProcess::ReporterProcess(std::vector<std::string> arguments, Log log)
    : arguments_(std::move(arguments)), log_(std::move(log)) {}

ReporterProcess::~ReporterProcess() {
  if (socket_ >= 0) close(socket_);
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  for (int i = 0; i < kStopPolls; ++i) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) return;
    nanosleep(&kStopPollInterval, nullptr);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

Status ReporterProcess::Launch() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoStatus(errno, "opening a socket pair for the reporter");
  }
  std::vector<std::string> arguments = arguments_;
  arguments.insert(arguments.begin(), "fleetsync-agent");
  arguments.insert(arguments.end(), {"--socket", fmt::format("{}", kChildSocket)});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  const pid_t pid = fork();
  if (pid == 0) {  // only async-signal-safe calls: the resolver's thread may hold locks
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // dup2 onto itself would keep close-on-exec.
    const bool ready = ends[1] == kChildSocket ? fcntl(ends[1], F_SETFD, 0) == 0
                                               : dup2(ends[1], kChildSocket) == kChildSocket;
    if (ready) execv("/proc/self/exe", argv.data());
    _exit(127);
  }
  const int error = errno;
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return ErrnoStatus(error, "starting the reporter");
  }
  pid_ = pid;
  socket_ = ends[0];
  return absl::OkStatus();
}

void ReporterProcess::OnTimer(MonoTime now) {
  if (now < start_at_) return;
  started_ = now;
  if (const Status s = Launch(); !s.ok()) {
    log_(Message(s));
    OnDeath(now);
    return;
  }
  start_at_ = MonoTime::max();
}

void ReporterProcess::OnDeath(MonoTime now) {
  if (now - started_ > kHealthyLife) failures_ = 0;
  const Duration wait = kFirstBackOff * (1 << std::min(failures_++, kMaxDoublings));
  start_at_ = now + wait;
  if (pid_ < 0) return;
  int status = 0;
  kill(pid_, SIGKILL);  // its end of the socket is closed: it has nothing more to do
  waitpid(pid_, &status, 0);
  log_(fmt::format("the reporter {}; starting it again in {} s", DescribeExit(status),
                   std::chrono::duration_cast<std::chrono::seconds>(wait).count()));
  pid_ = -1;
  close(std::exchange(socket_, -1));
}

void ReporterProcess::TellSpooled(uint64_t last) {
  if (socket_ < 0) return;
  const SpoolMessage message{SpoolMessage::Kind::kSpooled, 0, last};
  // A full socket: the reporter is busy, and the next message says the same and more.
  static_cast<void>(send(socket_, &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

std::optional<uint64_t> ReporterProcess::OnReadable(MonoTime now) {
  std::optional<uint64_t> acknowledged;
  while (socket_ >= 0) {
    SpoolMessage message;
    const ssize_t size = recv(socket_, &message, sizeof message, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (size <= 0) {
      OnDeath(now);
    } else if (size == sizeof message && message.kind == SpoolMessage::Kind::kAcknowledged) {
      acknowledged = std::max(acknowledged.value_or(0), message.sequence);
    }
  }
  return acknowledged;
}

}  // namespace fleetsync::daemon
