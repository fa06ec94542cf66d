#include "controller/ssh/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/clock_read.h"
#include "base/text.h"
#include "fmt/format.h"

extern char** environ;

namespace fleetsync::ssh {
namespace {

constexpr size_t kErrorTextLimit = 4096;

struct Descriptors {
  int in = -1, out = -1, err = -1;  // -1: /dev/null
};

// The child has default signals and nothing of ours open: every descriptor is close-on-exec.
class SpawnPlan {
 public:
  explicit SpawnPlan(const Descriptors& fds) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    Put(fds.in, STDIN_FILENO, O_RDONLY);
    Put(fds.out, STDOUT_FILENO, O_WRONLY);
    Put(fds.err, STDERR_FILENO, O_WRONLY);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD}) sigaddset(&defaults, number);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    // A group of its own: the terminal's Ctrl-C is for us, who then end it in order.
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }

  StatusOr<pid_t> Run(const std::vector<std::string>& argv) const {
    std::vector<char*> pointers;
    pointers.reserve(argv.size() + 1);
    for (const std::string& word : argv) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    pid_t pid = -1;
    const int error =
        posix_spawnp(&pid, pointers[0], &actions_, &attributes_, pointers.data(), environ);
    if (error != 0) return ErrnoStatus(error, "starting " + argv[0]);
    return pid;
  }

 private:
  void Put(int fd, int target, int flags) {
    if (fd < 0)
      posix_spawn_file_actions_addopen(&actions_, target, "/dev/null", flags, 0);
    else
      posix_spawn_file_actions_adddup2(&actions_, fd, target);
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// Both pipes until they are closed; false when time or size ran out first.
bool Collect(int out, int err, MonoTime deadline, size_t limit, std::string& output,
             std::string& errors) {
  std::array<pollfd, 2> fds{pollfd{.fd = out, .events = POLLIN, .revents = 0},
                            pollfd{.fd = err, .events = POLLIN, .revents = 0}};
  std::array<std::string*, 2> texts{&output, &errors};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    const Duration left = deadline - ReadClocks().mono;
    if (left <= Duration::zero()) return false;
    poll(fds.data(), fds.size(),
         static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
    for (size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      std::array<char, 4096> block;
      const ssize_t n = read(fds[i].fd, block.data(), block.size());
      if (n > 0) texts[i]->append(block.data(), static_cast<size_t>(n));
      if (n == 0 || (n < 0 && errno != EINTR)) fds[i].fd = -1;
      if (errors.size() > kErrorTextLimit) errors.resize(kErrorTextLimit);
      if (output.size() > limit) return false;
    }
  }
  return true;
}

}  // namespace

std::string FindProgram(const std::string& name) {
  const char* path = getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  for (const std::string_view folder : Split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
    std::string candidate = std::string(folder.empty() ? "." : folder) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

StatusOr<std::string> RunProgram(const std::vector<std::string>& argv, Duration deadline,
                                 size_t limit) {
  std::array<int, 2> out{}, err{};
  if (pipe2(out.data(), O_CLOEXEC) != 0) return ErrnoStatus(errno, "starting " + argv[0]);
  if (pipe2(err.data(), O_CLOEXEC) != 0) {
    const Status status = ErrnoStatus(errno, "starting " + argv[0]);
    close(out[0]);
    close(out[1]);
    return status;
  }
  const StatusOr<pid_t> pid = SpawnPlan({.in = -1, .out = out[1], .err = err[1]}).Run(argv);
  close(out[1]);
  close(err[1]);
  std::string output, errors;
  const bool complete =
      pid.ok() && Collect(out[0], err[0], ReadClocks().mono + deadline, limit, output, errors);
  close(out[0]);
  close(err[0]);
  if (!pid.ok()) return pid.status();
  if (!complete) kill(-*pid, SIGKILL);
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!complete) return absl::DeadlineExceededError(fmt::format("{} did not end in time", argv[0]));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  return absl::FailedPreconditionError(fmt::format("{} failed: {}", argv[0], Trim(errors)));
}

StatusOr<PipedProgram> PipedProgram::Start(const std::vector<std::string>& argv) {
  std::array<int, 2> pair{}, err{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
    return ErrnoStatus(errno, "starting " + argv[0]);
  if (pipe2(err.data(), O_CLOEXEC) != 0) {
    const Status status = ErrnoStatus(errno, "starting " + argv[0]);
    close(pair[0]);
    close(pair[1]);
    return status;
  }
  fcntl(pair[0], F_SETFL, O_NONBLOCK);
  fcntl(err[0], F_SETFL, O_NONBLOCK);
  const StatusOr<pid_t> pid = SpawnPlan({.in = pair[1], .out = pair[1], .err = err[1]}).Run(argv);
  close(pair[1]);
  close(err[1]);
  if (pid.ok()) return PipedProgram(*pid, {.socket = pair[0], .errors = err[0]});
  close(pair[0]);
  close(err[0]);
  return pid.status();
}

PipedProgram::PipedProgram(PipedProgram&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), ends_(other.ends_) {}

PipedProgram::~PipedProgram() {
  if (pid_ < 0 || waitpid(pid_, nullptr, WNOHANG) == pid_) return;
  kill(-pid_, SIGKILL);  // the whole group: a ProxyCommand may have started others
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace fleetsync::ssh
