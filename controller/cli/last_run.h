#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "controller/cli/context.h"

namespace fleetsync::cli {

// The hosts that failed in the last run, for `--failed`: a file beside the database, one name a
// line, replaced at the end of every run over hosts (an empty one when all went well).

// Says so on standard error when the file cannot be written; the run's own result stands.
void RememberFailed(const Context& context, const std::vector<std::string>& hosts);

// NotFound when no run has been recorded or the last one had no failures.
StatusOr<std::vector<std::string>> LastFailed(const CommonOptions& options);

}  // namespace fleetsync::cli
