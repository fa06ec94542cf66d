#pragma once

#include <string>

namespace fleetsync::daemon {

// Another program on this host that sets its clock: "chronyd (process 123)"; empty: none runs.
// Programs that were told to leave the clock alone, or that run in containers, are not among them.
// `proc`: where procfs is.
std::string FindRival(const std::string& proc = "/proc");

}  // namespace fleetsync::daemon
