#pragma once

#include <string>
#include <vector>

#include "agent/serve/time_server.h"
#include "agent/server/server_vars.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::relay {

// All that a relay tells of itself.
struct RelayStatus {
  std::vector<ntp::Address> listening;
  std::string source;  // where the time is from, for people
  server::ServerVars vars;
  serve::Counts counts;
  std::vector<server::ClientCount> top;
  size_t receive_buffer = 0;
  MonoTime started{};
  Now now;
};

std::string ToJson(const RelayStatus& status);
// What 'fleetsync relay status' shows of a relay's JSON. DataLoss: it is not that of a relay.
StatusOr<std::string> StatusTable(const std::string& json);

}  // namespace fleetsync::relay
