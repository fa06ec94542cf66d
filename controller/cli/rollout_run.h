#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/CLI.hpp"
#include "controller/cli/context.h"
#include "controller/push/report.h"
#include "controller/push/rollout.h"

namespace fleetsync::cli {

// What push, plan and rollback have in common.
struct RolloutFlags {
  push::ReportOptions report;
  std::string serial, max_fail;  // "10" or "25%"; empty: all, any number
  size_t canary = 0;
  int confirm_s = plan::ApplyOptions{}.confirm_s;
  bool overwrite_edits = false;
  bool wait_synced = false;
};
void AddRolloutFlags(CLI::App& command, RolloutFlags& flags);

// "10" as it is, "25%" of `total`, rounded up. InvalidArgument says what to write.
StatusOr<size_t> ParseShare(std::string_view text, size_t total);

// "20260523T113410042Z-3f2a91c0": sorts by time, to the millisecond, and two controllers cannot
// make the same one.
std::string NewRunId();

// Runs the tasks of the chosen hosts, prints what came of them and remembers it. `command` is the
// command's name for the record of runs.
struct RolloutEnd {
  std::vector<push::HostResult> results;  // in the order of the tasks; empty when none was begun
  int exit_code = 0;
};
RolloutEnd RunRollout(const Context& context, const Chosen& chosen, std::string_view command,
                      const std::vector<push::HostTask>& tasks, const RolloutFlags& flags,
                      const push::PushOptions& options);

}  // namespace fleetsync::cli
