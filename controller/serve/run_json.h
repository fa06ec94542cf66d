#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "db/runs.h"

namespace fleetsync::serve {

// The record of a run as it waits in a file, and as it goes to the service.
std::string RunJson(const db::Run& run, int64_t process);

struct WaitingRun {
  db::Run run;
  int64_t process = 0;  // that writes it, as long as it is not finished
};
// Nothing: these bytes are no such record.
std::optional<WaitingRun> ParseRunJson(std::string_view text);

}  // namespace fleetsync::serve
