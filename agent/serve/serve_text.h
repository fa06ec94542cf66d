#pragma once

#include <cstddef>
#include <string>

#include "agent/serve/time_server.h"

namespace fleetsync::serve {

// "12 requests: 10 answered, 2 denied": verdicts that did not occur are left out.
std::string CountsText(const Counts& counts);

// What to do about a receive buffer of so many bytes that it loses requests; empty: nothing.
std::string BufferWarning(size_t bytes);

}  // namespace fleetsync::serve
