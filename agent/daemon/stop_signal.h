#pragma once

namespace fleetsync::daemon {

// From now on SIGTERM, SIGINT and SIGHUP's default are replaced: the first two ask for a clean
// stop, SIGPIPE is ignored. poll() returns EINTR when one comes; one that comes just before poll()
// is repeated by an alarm a second later, since a pipe of our own in the set would stop simulators.
void WatchStopSignals();
bool StopRequested();

}  // namespace fleetsync::daemon
