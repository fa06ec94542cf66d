#include "inventory/inventory.h"

#include <algorithm>

namespace fleetsync::inventory {

const Host* Inventory::FindHost(std::string_view name) const {
  const auto found = std::find_if(hosts.begin(), hosts.end(),
                                  [name](const Host& host) { return host.name == name; });
  return found == hosts.end() ? nullptr : &*found;
}

const Group* Inventory::FindGroup(std::string_view name) const {
  const auto found = std::find_if(groups.begin(), groups.end(),
                                  [name](const Group& group) { return group.name == name; });
  return found == groups.end() ? nullptr : &*found;
}

std::vector<const Host*> Inventory::Relays() const {
  std::vector<const Host*> relays;
  for (const Host& host : hosts)
    if (host.role == Role::kRelay) relays.push_back(&host);
  return relays;
}

}  // namespace fleetsync::inventory
