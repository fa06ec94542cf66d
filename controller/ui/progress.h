#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/time.h"

namespace fleetsync::ui {

// How a run is going, on standard error: one line that is redrawn on a terminal, at most ten times
// a second; a plain line for each host that fails when it is not one. Verbose: a plain line for
// every stage and every host as well. One thread.
class Progress {
 public:
  // `what` is a verb in the progressive: "pushing", "setting clocks".
  Progress(std::string_view what, size_t hosts, bool verbose);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void OnStage(std::string_view host, std::string_view stage);
  // `text` is what a failed host says ("connect: timed out after 10 s; …"), or "" when it is well.
  void OnHostDone(std::string_view host, std::string_view text);
  // Removes the redrawn line, so that a table can follow.
  void Finish();

 private:
  void Draw();
  void Clear();
  void PrintLine(std::string_view host, std::string_view text);

  std::string what_;
  std::map<std::string, std::string, std::less<>> running_;  // host to stage
  size_t hosts_, done_ = 0, failed_ = 0;
  bool verbose_, terminal_, drawn_ = false;
  MonoTime last_draw_{};
};

}  // namespace fleetsync::ui
