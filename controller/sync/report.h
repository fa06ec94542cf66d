#pragma once

#include <string>
#include <vector>

#include "controller/sync/run.h"
#include "nlohmann/json.hpp"

namespace fleetsync::sync {

struct ReportStyle {
  bool color = false;
  bool every_host = false;  // well hosts a line each, also when they are many
};

// Worst first: what failed, what was refused, what is off, then by the size of what is left. More
// than 20 hosts: those that are well are folded.
std::string Table(const SyncAllReport& report, const ReportStyle& style);

// "38 set, 1 in tolerance, 1 failed; all set clocks within ±0.4 ms of relay1 (198.18.1.1)…": one
// line. `took` is how long the run was.
std::string Summary(const SyncAllReport& report, Duration took);

nlohmann::ordered_json ToJson(const SyncAllReport& report);

// Exit code of a run: 130, 1, 4 or 0, in this order (cli::ExitCode).
int ExitCodeOf(const SyncAllReport& report);

}  // namespace fleetsync::sync
