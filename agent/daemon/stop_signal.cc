#include "agent/daemon/stop_signal.h"

#include <signal.h>
#include <unistd.h>

namespace fleetsync::daemon {
namespace {

volatile sig_atomic_t stop_requested = 0;  // a signal handler has no other way to tell

void OnStop(int /*signal*/) {
  stop_requested = 1;
  alarm(1);
}

void OnAlarm(int /*signal*/) {}

}  // namespace

void WatchStopSignals() {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_handler = OnStop;  // without SA_RESTART: poll() is to return
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  action.sa_handler = OnAlarm;
  sigaction(SIGALRM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool StopRequested() { return stop_requested != 0; }

}  // namespace fleetsync::daemon
