#include "agent/daemon/reporter_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/daemon/privileges.h"
#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

constexpr int kStopPolls = 100;
constexpr timespec kStopPollInterval = {0, 10'000'000};

// The child's end; what is left open by its parent is close-on-exec.
constexpr int kChildSocket = 3;

class OwnChild : public ReporterChild {
 public:
  explicit OwnChild(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}

  Status Start(int socket) override {
    std::vector<std::string> arguments = arguments_;
    arguments.insert(arguments.begin(), "fleetsync-agent");
    arguments.insert(arguments.end(), {"--parent", fmt::format("{}", getpid()), "--socket",
                                       fmt::format("{}", kChildSocket)});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t pid = fork();
    if (pid < 0) return ErrnoStatus(errno, "starting the reporter");
    if (pid == 0) Execute(argv.data(), socket);
    pid_ = pid;
    return absl::OkStatus();
  }

  int Reap() override {
    int status = 0;
    if (pid_ < 0) return status;
    kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

  void Stop() override {
    if (pid_ < 0) return;
    kill(pid_, SIGTERM);
    for (int i = 0; i < kStopPolls; ++i) {
      if (waitpid(pid_, nullptr, WNOHANG) != 0) {
        pid_ = -1;
        return;
      }
      nanosleep(&kStopPollInterval, nullptr);
    }
    Reap();
  }

 private:
  // Only async-signal-safe calls: the resolver's thread may hold locks.
  [[noreturn]] static void Execute(char* const* argv, int socket) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // dup2 onto itself would keep close-on-exec.
    const bool ready = socket == kChildSocket ? fcntl(socket, F_SETFD, 0) == 0
                                              : dup2(socket, kChildSocket) == kChildSocket;
    if (ready) execv("/proc/self/exe", argv);
    _exit(127);
  }

  std::vector<std::string> arguments_;
  pid_t pid_ = -1;
};

// What the launcher is told, and answers: an errno (Start), a wait status (Reap), anything (Stop).
enum class Order : int { kStart, kReap, kStop };

// One int, with a descriptor beside it when there is one.
struct Envelope {
  explicit Envelope(int* value) : part{value, sizeof *value} {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  Envelope(const Envelope&) = delete;
  Envelope& operator=(const Envelope&) = delete;

  iovec part;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
};

bool SendInt(int to, int value, int descriptor) {
  Envelope envelope(&value);
  if (descriptor >= 0) {
    cmsghdr* const c = CMSG_FIRSTHDR(&envelope.header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
  } else {
    envelope.header.msg_controllen = 0;
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(to, &envelope.header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == sizeof value;
}

// False: the other end is closed. `descriptor`: -1 when none came.
bool ReceiveInt(int from, int& value, int& descriptor) {
  Envelope envelope(&value);
  ssize_t size = 0;
  do {
    size = recvmsg(from, &envelope.header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  descriptor = -1;
  const cmsghdr* const c = CMSG_FIRSTHDR(&envelope.header);
  if (c != nullptr && c->cmsg_type == SCM_RIGHTS) {
    std::memcpy(&descriptor, CMSG_DATA(c), sizeof descriptor);
  }
  return size == sizeof value;
}

class LaunchedChild : public ReporterChild {
 public:
  explicit LaunchedChild(int socket) : socket_(socket) {}
  LaunchedChild(const LaunchedChild&) = delete;
  LaunchedChild& operator=(const LaunchedChild&) = delete;
  ~LaunchedChild() override { close(socket_); }

  Status Start(int socket) override {
    const int error = Tell(Order::kStart, socket);
    if (error == 0) return absl::OkStatus();
    return ErrnoStatus(error, "starting the reporter");
  }
  int Reap() override { return Tell(Order::kReap); }
  void Stop() override { Tell(Order::kStop); }

 private:
  int Tell(Order order, int descriptor = -1) {
    int answer = EPIPE;
    int none = -1;
    if (!SendInt(socket_, static_cast<int>(order), descriptor)) return EPIPE;
    return ReceiveInt(socket_, answer, none) ? answer : EPIPE;
  }

  int socket_;
};

// The launcher: until the time process is gone.
[[noreturn]] void Launch(int socket, std::vector<std::string> arguments) {
  prctl(PR_SET_NAME, "fleetsync-start");
  if (!KeepOnlyWhatStartsTheReporter().ok()) _exit(1);
  signal(SIGINT, SIG_IGN);  // the time process ends it
  signal(SIGTERM, SIG_IGN);
  OwnChild child(std::move(arguments));
  int order = 0;
  int descriptor = -1;
  while (ReceiveInt(socket, order, descriptor)) {
    int answer = 0;
    if (static_cast<Order>(order) == Order::kStart && descriptor >= 0) {
      answer = child.Start(descriptor).ok() ? 0 : EAGAIN;
    } else if (static_cast<Order>(order) == Order::kReap) {
      answer = child.Reap();
    } else {
      child.Stop();
    }
    if (descriptor >= 0) close(descriptor);
    SendInt(socket, answer, -1);
  }
  child.Stop();
  _exit(0);
}

}  // namespace

std::unique_ptr<ReporterChild> MakeOwnChild(std::vector<std::string> arguments) {
  return std::make_unique<OwnChild>(std::move(arguments));
}

StatusOr<std::unique_ptr<ReporterChild>> MakeLaunchedChild(std::vector<std::string> arguments) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoStatus(errno, "opening a socket pair for the reporter's launcher");
  }
  const pid_t pid = fork();
  const int error = errno;
  if (pid == 0) {
    close(ends[0]);
    Launch(ends[1], std::move(arguments));
  }
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return ErrnoStatus(error, "starting the reporter's launcher");
  }
  return std::unique_ptr<ReporterChild>(std::make_unique<LaunchedChild>(ends[0]));
}

}  // namespace fleetsync::daemon
