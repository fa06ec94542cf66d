#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/status/fleet_view.h"

namespace fleetsync::status {

enum class By : uint8_t {
  kGroup,   // of the inventory; a host counts in each of its groups
  kRelay,   // the source it follows
  kDaemon,  // what owns its clock
};
std::string_view ToString(By by);

struct GroupView {
  std::string name;  // "-": hosts that are in none, follow nothing, tell nothing
  State worst = State::kSynced;
  Summary summary;
  // How many hosts have an |offset| + bound in each decade: below 10 us, 100 us, … 1 s, beyond.
  std::array<size_t, 7> decades{};
};

// Pure. The worst first: by the share of hosts that are in tolerance, then by name. Of all hosts
// that `view` lists.
std::vector<GroupView> GroupsOf(const FleetView& view, By by);

}  // namespace fleetsync::status
