#pragma once

#include <optional>
#include <string_view>

#include "agent/server/access_list.h"

namespace fleetsync::serve {

inline constexpr std::string_view kNetworkForms = "10.0.0.0/8, 2001:db8::/32, one address, or all";

// A network as people write it: "10.0.0.0/8", "2001:db8::/32", "192.168.1.7", "all". None: it is
// no network.
std::optional<server::AccessRule> ParseAccessRule(std::string_view text, bool allow);

}  // namespace fleetsync::serve
