#pragma once

#include <string>
#include <vector>

#include "controller/sync/host_result.h"
#include "controller/sync/reference.h"

namespace fleetsync::sync {

// Why a host's tool heard no server, told apart by what the host's resolver says and by how the
// same servers answer this machine now (`relays`): a wrong name, a server that is not synchronised,
// one that is down, or a firewall between. Says what to do. Pure.
std::string DiagnoseNoServer(const HostResult& result, const std::vector<RelayState>& relays);

}  // namespace fleetsync::sync
