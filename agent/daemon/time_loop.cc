#include "agent/daemon/time_loop.h"

#include <poll.h>

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
    reporting->Start(ReadClocks().mono);
  }
  EngineShell shell(config.shell);
  FS_RETURN_IF_ERROR(shell.Start());
  NotifySystemd("READY=1");
  while (!StopRequested() && !(reporting && reporting->restart_asked())) {
    pollfd reporter{reporting ? reporting->fd() : -1, POLLIN, 0};
    const std::span<pollfd> extra(&reporter, reporter.fd >= 0 ? 1 : 0);
    const MonoTime until = reporting ? reporting->NextTimer() : MonoTime::max();
    FS_RETURN_IF_ERROR(shell.Turn(until, extra));
    if (!reporting) continue;
    const MonoTime now = ReadClocks().mono;
    if (reporter.revents != 0) reporting->OnReadable(now, shell);
    reporting->OnTimer(now, shell);
  }
  NotifySystemd("STOPPING=1");
  shell.Stop();
  return absl::OkStatus();
}

}  // namespace fleetsync::daemon
