#pragma once

#include <string>

#include "controller/observe/observation.h"

namespace fleetsync::observe {

// The sources of a host's daemon as ntpq -p shows them, whichever daemon it is: tally code, when
// and poll in seconds (m, h, d), octal reach, delay, offset and jitter in milliseconds. "-": the
// daemon does not tell. An offset is positive when the source is ahead of the host.
std::string SourcesText(const Observation& observation);

// The verdict of ntpstat, and what the daemon knows of its clock.
std::string TrackingText(const Observation& observation);

}  // namespace fleetsync::observe
