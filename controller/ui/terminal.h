#pragma once

#include <termios.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/time.h"
#include "controller/ui/terminal_size.h"

namespace fleetsync::ui {

// The terminal on standard input and output for a program that owns all of it: keys one by one and
// without echo, the alternate screen, no cursor. Everything is put back by the destructor, and when
// the process is ended by a signal (SIGHUP, SIGQUIT, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL).
// SIGINT and SIGTERM are the program's own: they wake Wait. One at a time; one thread but for Wake.
class Terminal {
 public:
  // FailedPrecondition when there is no terminal.
  static StatusOr<std::unique_ptr<Terminal>> Take();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Puts everything back now; nothing may be written any more.
  void Leave();

  TerminalSize size() const;

  struct Waited {
    std::string bytes;     // that the keyboard sent
    bool resized = false;  // since the last Wait
    bool closed = false;   // the terminal is gone
  };
  // Until there is something, Wake was called, a signal came, or `longest` is over.
  Waited Wait(Duration longest);

  // From another thread.
  void Wake();

  Status Write(std::string_view bytes);

 private:
  explicit Terminal(const termios& before) : before_(before) {}

  termios before_;
  int wake_[2] = {-1, -1};  // read end, write end
};

}  // namespace fleetsync::ui
