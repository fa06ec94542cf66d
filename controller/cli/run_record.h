#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/cli/context.h"
#include "controller/push/rollout.h"
#include "db/runs.h"

namespace fleetsync::cli {

// The record of a push or rollback. It is a file beside the store from the first moment, so that a
// run that is killed has left its trace, and goes into the store at its end: through `serve` while
// that runs. What cannot be recorded waits in its file for the next run. Failing to record never
// fails a run: it is said on standard error.
class RunRecord {
 public:
  RunRecord(const Context& context, std::string id, std::string_view command, const Chosen& chosen);
  void Finish(const std::vector<push::HostResult>& results, bool interrupted);

 private:
  void Write();

  const CommonOptions& options_;
  db::Run run_;
};

// Every recorded run, newest first, at most `limit`: of the store and of waiting files.
StatusOr<std::vector<db::Run>> RecordedRuns(const CommonOptions& options, size_t limit);

}  // namespace fleetsync::cli
