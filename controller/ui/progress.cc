#include "controller/ui/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "base/clock_read.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::ui {
namespace {

constexpr Duration kRedrawInterval = std::chrono::milliseconds(100);
// So few that each can be named, and each change drawn at once: the hosts a run waits for last.
constexpr size_t kFew = 3;

size_t TerminalWidth() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// A line that wraps could not be redrawn in place.
std::string FitTo(std::string line, size_t width) {
  while (DisplayWidth(line) >= width) {
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xc0) == 0x80)
      line.pop_back();
    line.pop_back();
  }
  return line;
}

}  // namespace

Progress::Progress(std::string_view what, size_t hosts, bool verbose)
    : what_(what), hosts_(hosts), verbose_(verbose), terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { Finish(); }

void Progress::OnStage(std::string_view host, std::string_view stage) {
  running_.insert_or_assign(std::string(host), std::string(stage));
  if (verbose_) PrintLine(host, stage);
  Draw();
}

void Progress::OnHostDone(std::string_view host, std::string_view text) {
  if (const auto it = running_.find(host); it != running_.end()) running_.erase(it);
  ++done_;
  if (!text.empty()) ++failed_;
  if (verbose_ || (!terminal_ && !text.empty())) PrintLine(host, text.empty() ? "ok" : text);
  Draw();
}

void Progress::Finish() { Clear(); }

void Progress::PrintLine(std::string_view host, std::string_view text) {
  Clear();
  const std::string line = fmt::format("{}: {}\n", Printable(host), Printable(text));
  fwrite(line.data(), 1, line.size(), stderr);
}

void Progress::Clear() {
  if (!drawn_) return;
  fputs("\r\x1b[K", stderr);
  fflush(stderr);
  drawn_ = false;
}

void Progress::Draw() {
  if (!terminal_) return;
  const MonoTime now = ReadClocks().mono;
  const bool few = hosts_ - done_ <= kFew;
  if (!few && last_draw_ != MonoTime{} && now - last_draw_ < kRedrawInterval) return;
  last_draw_ = now;

  std::string line = fmt::format("{}: {} of {} hosts", what_, done_, hosts_);
  if (failed_ > 0) line += fmt::format(", {} failed", failed_);
  if (!running_.empty() && running_.size() <= kFew) {
    std::string_view separator = "; ";
    for (const auto& [host, stage] : running_) {
      line += fmt::format("{}{} ({})", separator, Printable(host), Printable(stage));
      separator = ", ";
    }
  }
  fmt::print(stderr, "\r{}\x1b[K", FitTo(std::move(line), TerminalWidth()));
  fflush(stderr);
  drawn_ = true;
}

}  // namespace fleetsync::ui
