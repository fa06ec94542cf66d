#pragma once

#include "base/time.h"

namespace fleetsync {

// The only place that reads the clocks of this machine for shells; pure code is handed a Now. The
// two readings belong together to about half a microsecond, unless the machine is never left alone.
Now ReadClocks();

// CLOCK_REALTIME alone, a quarter of the cost: for a stamp on every datagram.
SystemTime ReadSystemClock();

// How long this machine was suspended since it started, in all. MonoTime stands still meanwhile,
// SystemTime does not.
Duration ReadTimeAsleep();

// The same as ReadClocks with other clocks, for tests.
struct ClockReaders {
  MonoTime (*raw)();
  SystemTime (*system)();
};
Now ReadTogether(const ClockReaders& clocks);

}  // namespace fleetsync
