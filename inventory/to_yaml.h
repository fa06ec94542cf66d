#pragma once

#include <string>

#include "inventory/inventory.h"

namespace fleetsync::inventory {

// The inventory as fleet.yaml, whatever it was read from: the same hosts, groups and values, hosts
// with the same settings folded into ranges. Passwords in clear (servers.txt) are not in it: their
// hosts name a file that has to be written, and a comment says so. Relative paths stay as they are:
// they are relative to the folder of the file.
std::string ToFleetYaml(const Inventory& inventory);

}  // namespace fleetsync::inventory
