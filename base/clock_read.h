#pragma once

#include "base/time.h"

namespace fleetsync {

// The only place that reads the clocks of this machine for shells; pure code is handed a Now.
Now ReadClocks();

}  // namespace fleetsync
