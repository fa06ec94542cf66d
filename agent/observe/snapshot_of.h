#pragma once

#include "agent/engine/snapshot.h"
#include "agent/observe/daemon_state.h"
#include "base/time.h"

namespace fleetsync::observe {

// What a daemon said at `at`, in the words of our own engine. The host counts as synchronised when
// the daemon says so, follows somebody else than its own clock, and tells an offset with its bound;
// without these nothing says how far the clock may be off, and only the sources are told.
ntp::Snapshot SnapshotOf(const DaemonState& state, Now at);

// A daemon's word against what the agent measured by its own servers: while both agree the one with
// the narrower bound counts; when they contradict each other, or the daemon tells no offset or no
// bound, the measurement does. The sources are the daemon's. Pure.
ntp::Snapshot Weigh(const ntp::Snapshot& said, const ntp::Snapshot& measured);

}  // namespace fleetsync::observe
