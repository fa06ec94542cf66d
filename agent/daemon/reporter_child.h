#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace fleetsync::daemon {

// The process of the reporter, as whoever started it sees it. At most one runs at a time.
class ReporterChild {
 public:
  virtual ~ReporterChild() = default;

  // `socket` becomes the reporter's; the caller closes its copy.
  virtual Status Start(int socket) = 0;
  // Ends it at once, when it has not ended. Its wait status.
  virtual int Reap() = 0;
  // Asks it to stop, and kills it when it does not within a second.
  virtual void Stop() = 0;
};

// A child of this process. `arguments`: of the program that /proc/self/exe is, without argv[0];
// "--parent" and "--socket" are added.
std::unique_ptr<ReporterChild> MakeOwnChild(std::vector<std::string> arguments);

// The same, a child of a process that is forked now and keeps the privileges of this one: it takes
// another user to start the reporter, which a time process without privileges cannot become. It
// does what is above and nothing else, and ends with this process. Before any thread is started.
StatusOr<std::unique_ptr<ReporterChild>> MakeLaunchedChild(std::vector<std::string> arguments);

}  // namespace fleetsync::daemon
