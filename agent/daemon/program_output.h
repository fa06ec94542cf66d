#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::daemon {

// A program that runs beside the time loop, and what it prints on both outputs: at most 64 KiB, for
// at most three seconds; then it is killed. It has no input and the C locale. Never blocks.
class ProgramOutput {
 public:
  // NotFound: none of `paths` is there.
  static StatusOr<ProgramOutput> Start(const std::vector<std::string>& paths,
                                       const std::vector<std::string>& arguments, MonoTime now);

  ProgramOutput(ProgramOutput&& other) noexcept;
  ProgramOutput& operator=(ProgramOutput&& other) noexcept;
  ProgramOutput(const ProgramOutput&) = delete;
  ProgramOutput& operator=(const ProgramOutput&) = delete;
  ~ProgramOutput();  // kills it, if it runs

  int fd() const { return fd_.get(); }  // to wait for; -1: it has closed its outputs
  MonoTime NextTimer() const { return over() ? MonoTime::max() : due_; }
  void OnReadable(MonoTime now);
  void OnTimer(MonoTime now);

  bool over() const { return pid_ < 0; }
  const std::string& text() const { return text_; }
  bool well() const { return well_; }  // once it is over: it ended by itself, with 0

 private:
  ProgramOutput(pid_t pid, Descriptor fd, MonoTime now);
  void CloseOutput(MonoTime now);
  void Reap(bool kill_it);

  pid_t pid_;
  Descriptor fd_;
  MonoTime deadline_;
  MonoTime due_;  // when it is looked at: the deadline, and soon after its outputs are closed
  std::string text_;
  bool well_ = false;
};

}  // namespace fleetsync::daemon
