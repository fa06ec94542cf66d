#pragma once

#include <string>
#include <vector>

#include "controller/push/rollout.h"

namespace fleetsync::push {

struct ReportOptions {
  bool check = false;
  bool diff = false;  // the unified diffs as well
};

// What a run did, a line for each group of hosts that say the same ("web[01-38]: changed
// (chrony.conf, restarted chrony)"), diffs under their line, and a last line that counts. Ends with
// a line break.
std::string ToText(const std::vector<HostResult>& results, const ReportOptions& options);

// The same for programs; hosts in the order of `results`.
std::string ToJson(const std::vector<HostResult>& results, const ReportOptions& options,
                   const std::string& run_id);

// What one host says after its name: "failed at validate: …; …".
std::string Verdict(const PushResult& result);

}  // namespace fleetsync::push
