#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace fleetsync::inventory {

// "web[01-40].example" or Ansible's "web[01:40]", steps "[1-9/2]", several ranges, lists
// "[1,3,5-7]": every name, in order, zero padding kept. A name without brackets is itself.
// InvalidArgument: unbalanced bracket, end before start, more than 100 000 names.
StatusOr<std::vector<std::string>> ExpandRange(std::string_view pattern);

// The shortest form of these names: {web01, web02, web03, db} → "db,web[01-03]". Expanding it gives
// the same set again.
std::string FoldNames(std::span<const std::string> names);

}  // namespace fleetsync::inventory
