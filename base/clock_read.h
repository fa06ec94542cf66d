#pragma once

#include "base/time.h"

namespace fleetsync {

// The only place that reads the clocks of this machine for shells; pure code is handed a Now. The
// two readings belong together to about half a microsecond, unless the machine is never left alone.
Now ReadClocks();

// The same with other clocks, for tests.
struct ClockReaders {
  MonoTime (*raw)();
  SystemTime (*system)();
};
Now ReadTogether(const ClockReaders& clocks);

}  // namespace fleetsync
