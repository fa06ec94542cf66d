#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/cli/options.h"
#include "controller/policy/time_policy.h"
#include "controller/push/rollout.h"
#include "inventory/inventory.h"

namespace fleetsync::cli {

// Hosts that were found as the inventory wants them, and the fingerprints that they had: while host
// and policy stay, a push need not read the host again (facts::ProbeRequest). A file beside the
// database, a line each; one that cannot be read is an empty one, and costs time alone.
class SettledHosts {
 public:
  explicit SettledHosts(const CommonOptions& options);

  // Empty when this host was not found to be as this policy wants it.
  std::string Fingerprint(const inventory::Host& host, const policy::TimePolicy& policy) const;
  // Takes over what the hosts of a run were found to be. `policies` are in the order of `results`.
  // Says so on standard error when the file cannot be written.
  void Remember(const std::vector<push::HostResult>& results,
                const std::vector<policy::TimePolicy>& policies);

 private:
  struct Entry {
    std::string policy, fingerprint;  // both digests
  };
  std::string path_;
  std::map<std::string, Entry> hosts_;  // by name
};

}  // namespace fleetsync::cli
