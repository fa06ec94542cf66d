#include "agent/daemon/program_output.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

constexpr Duration kTimeLimit = std::chrono::seconds(3);
constexpr Duration kReapInterval = std::chrono::milliseconds(5);
constexpr size_t kLargestOutput = 64 * 1024;

// What is not undone when spawning fails.
struct SpawnSetup {
  explicit SpawnSetup(int output) {
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
};

StatusOr<pid_t> Spawn(const std::string& path, const std::vector<std::string>& arguments,
                      int output) {
  std::vector<std::string> words = {path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  char locale[] = "LC_ALL=C", search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  char* const environment[] = {locale, search, nullptr};
  const SpawnSetup setup(output);
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, path.c_str(), &setup.files, &setup.attributes, argv.data(), environment);
  if (error != 0) return ErrnoStatus(error, fmt::format("starting {}", path));
  return pid;
}

}  // namespace

StatusOr<ProgramOutput> ProgramOutput::Start(const std::vector<std::string>& paths,
                                             const std::vector<std::string>& arguments,
                                             MonoTime now) {
  const auto path = std::find_if(paths.begin(), paths.end(), [](const std::string& candidate) {
    return access(candidate.c_str(), X_OK) == 0;
  });
  if (path == paths.end()) {
    return absl::NotFoundError(
        fmt::format("{} is not installed", paths.empty() ? "the program" : paths.front()));
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "opening a pipe");
  Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  fcntl(ours.get(), F_SETFL, O_NONBLOCK);  // not the program's end: it may not know what to do
  FS_ASSIGN_OR_RETURN(const pid_t pid, Spawn(*path, arguments, theirs.get()));
  return ProgramOutput(pid, std::move(ours), now);
}

ProgramOutput::ProgramOutput(pid_t pid, Descriptor fd, MonoTime now)
    : pid_(pid), fd_(std::move(fd)), deadline_(now + kTimeLimit), due_(deadline_) {}

ProgramOutput::ProgramOutput(ProgramOutput&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      fd_(std::move(other.fd_)),
      deadline_(other.deadline_),
      due_(other.due_),
      text_(std::move(other.text_)),
      well_(other.well_) {}

ProgramOutput& ProgramOutput::operator=(ProgramOutput&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(fd_, other.fd_);
  std::swap(deadline_, other.deadline_);
  std::swap(due_, other.due_);
  std::swap(text_, other.text_);
  std::swap(well_, other.well_);
  return *this;
}

ProgramOutput::~ProgramOutput() {
  fd_.Close();
  Reap(/*kill_it=*/true);
}

void ProgramOutput::OnReadable(MonoTime now) {
  std::array<char, 4096> buffer;
  while (fd_.open()) {
    const ssize_t size = read(fd_.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size <= 0) return CloseOutput(now);
    text_.append(buffer.data(), static_cast<size_t>(size));
    if (text_.size() > kLargestOutput) return Reap(/*kill_it=*/true);
  }
}

// A program that has closed its outputs ends a moment later.
void ProgramOutput::CloseOutput(MonoTime now) {
  fd_.Close();
  due_ = now;
  OnTimer(now);
}

void ProgramOutput::OnTimer(MonoTime now) {
  if (over() || now < due_) return;
  Reap(/*kill_it=*/now >= deadline_);
  due_ = std::min(deadline_, now + kReapInterval);
}

void ProgramOutput::Reap(bool kill_it) {
  if (over()) return;
  if (kill_it) kill(pid_, SIGKILL);
  int status = 0;
  if (waitpid(pid_, &status, kill_it ? 0 : WNOHANG) == 0) return;
  pid_ = -1;
  well_ = !kill_it && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace fleetsync::daemon
