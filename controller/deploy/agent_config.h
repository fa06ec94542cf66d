#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "inventory/inventory.h"

namespace fleetsync::deploy {

struct ReportSettings {
  std::string controller;  // HOST:PORT
  bool insecure = false;   // without TLS
};

// The servers that the agent on `host` measures: what the inventory gives the host, else all
// relays; on a relay its upstreams, or itself when it has none.
std::vector<std::string> ServersOf(const inventory::Inventory& inventory,
                                   const inventory::Host& host);

// /etc/fleetsync/agent.conf of `host`. FailedPrecondition when there is no server to measure;
// InvalidArgument when a name cannot stand in the file.
StatusOr<std::string> RenderAgentConfig(const inventory::Inventory& inventory,
                                        const inventory::Host& host, const ReportSettings& report);

}  // namespace fleetsync::deploy
