#include "agent/daemon/time_loop.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "agent/daemon/engine_shell.h"
#include "agent/daemon/notify.h"
#include "agent/daemon/stop_signal.h"
#include "base/clock_read.h"

namespace fleetsync::daemon {

Status RunTimeLoop(const TimeLoopConfig& config) {
  std::unique_ptr<Reporting> reporting;
  if (config.reporting) {
    FS_ASSIGN_OR_RETURN(reporting, Reporting::Create(*config.reporting, config.shell.log));
    reporting->Start(ReadClocks());
  }
  EngineShell shell(config.shell);
  FS_RETURN_IF_ERROR(shell.Start());
  NotifySystemd("READY=1");
  while (!StopRequested() && !(reporting && reporting->restart_asked())) {
    if (config.serving != nullptr) config.serving->Publish(shell.TakeSnapshot());
    const MonoTime until =
        config.serving != nullptr ? config.serving->NextTimer() : MonoTime::max();
    if (!reporting) {
      FS_RETURN_IF_ERROR(shell.Turn(until, {}));
      continue;
    }
    const std::array<int, 2> fds = reporting->fds();
    std::array<pollfd, 2> extra{{{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}}};  // -1 is passed over
    FS_RETURN_IF_ERROR(shell.Turn(std::min(until, reporting->NextTimer()), extra));
    reporting->OnTurn(ReadClocks(), extra[0].revents != 0, extra[1].revents != 0, shell);
  }
  NotifySystemd("STOPPING=1");
  shell.Stop();
  return absl::OkStatus();
}

}  // namespace fleetsync::daemon
