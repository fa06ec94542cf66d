#pragma once

#include <span>
#include <string>
#include <vector>

#include "agent/server/access_list.h"
#include "base/status.h"

namespace fleetsync::relay {

// Networks as people write them: "10.0.0.0/8", "2001:db8::/32", "192.168.1.7", "all". Without an
// allowed one: this machine and the private networks, since a relay that the Internet can use will
// be found and used by it.
StatusOr<std::vector<server::AccessRule>> MakeAccessRules(std::span<const std::string> allow,
                                                          std::span<const std::string> deny);

}  // namespace fleetsync::relay
