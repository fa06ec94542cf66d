#include "controller/ui/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>

namespace fleetsync::ui {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";

// What signal handlers need; there is one terminal.
termios g_before;
std::atomic<bool> g_taken{false};
std::atomic<bool> g_resized{false};
std::atomic<int> g_wake{-1};

constexpr auto kFatal = std::to_array({SIGHUP, SIGQUIT, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL});

void WriteNow(std::string_view bytes) {
  // A handler can do nothing about a terminal that takes no bytes.
  [[maybe_unused]] const ssize_t n = write(STDOUT_FILENO, bytes.data(), bytes.size());
}

void PutBack() {
  if (!g_taken.exchange(false)) return;
  WriteNow(kLeave);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &g_before);
}

extern "C" void OnFatalSignal(int signal_number) {
  PutBack();
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

extern "C" void OnResize(int /*signal_number*/) {
  const int error = errno;
  g_resized = true;
  const char byte = 0;
  [[maybe_unused]] const ssize_t n = write(g_wake.load(), &byte, 1);
  errno = error;
}

void InstallHandlers() {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_handler = OnFatalSignal;
  for (const int number : kFatal) sigaction(number, &action, nullptr);
  action.sa_handler = OnResize;
  action.sa_flags = SA_RESTART;
  sigaction(SIGWINCH, &action, nullptr);
}

void RemoveHandlers() {
  for (const int number : kFatal) signal(number, SIG_DFL);
  signal(SIGWINCH, SIG_DFL);
}

void Drain(int fd) {
  std::array<char, 64> bytes{};
  while (read(fd, bytes.data(), bytes.size()) > 0) {
  }
}

}  // namespace

StatusOr<std::unique_ptr<Terminal>> Terminal::Take() {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
    return absl::FailedPreconditionError("standard input and output are not a terminal");
  termios before{};
  if (tcgetattr(STDIN_FILENO, &before) != 0) return ErrnoStatus(errno, "read the terminal's modes");
  auto terminal = std::unique_ptr<Terminal>(new Terminal(before));
  if (pipe2(terminal->wake_, O_CLOEXEC | O_NONBLOCK) != 0) return ErrnoStatus(errno, "make a pipe");
  g_before = before;
  g_wake = terminal->wake_[1];
  g_resized = false;
  g_taken = true;
  InstallHandlers();
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0)
    return ErrnoStatus(errno, "set the terminal's modes");
  FS_RETURN_IF_ERROR(terminal->Write(kEnter));
  return terminal;
}

void Terminal::Leave() {
  PutBack();
  RemoveHandlers();
}

Terminal::~Terminal() {
  Leave();
  g_wake = -1;
  for (const int fd : wake_)
    if (fd >= 0) close(fd);
}

TerminalSize Terminal::size() const { return SizeOfTerminal(STDOUT_FILENO); }

void Terminal::Wake() {
  const char byte = 0;
  // A full pipe wakes as well.
  [[maybe_unused]] const ssize_t n = write(wake_[1], &byte, 1);
}

Terminal::Waited Terminal::Wait(Duration longest) {
  std::array<pollfd, 2> fds = {{{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                {.fd = wake_[0], .events = POLLIN, .revents = 0}}};
  const auto milliseconds =
      std::chrono::ceil<std::chrono::milliseconds>(std::max(longest, Duration::zero())).count();
  const int ready =
      poll(fds.data(), fds.size(), static_cast<int>(std::min<int64_t>(milliseconds, 3'600'000)));
  Waited waited;
  if (ready > 0 && fds[1].revents != 0) Drain(wake_[0]);
  if (ready > 0 && fds[0].revents != 0) {
    std::array<char, 256> bytes{};
    const ssize_t n = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (n > 0) waited.bytes.assign(bytes.data(), static_cast<size_t>(n));
    waited.closed = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
  }
  waited.resized = g_resized.exchange(false);
  return waited;
}

Status Terminal::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "write to the terminal");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace fleetsync::ui
