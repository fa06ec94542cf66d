#pragma once

#include <cstddef>
#include <vector>

#include "inventory/draft.h"

namespace fleetsync::inventory {

// The groups of a file as a graph; indices are places in Draft::groups.
struct GroupOrder {
  std::vector<std::vector<size_t>> children;
  std::vector<size_t> children_first;  // every group after all of its children
  std::vector<int> depth;              // the longest way down to it; 0: no group has it as a child
};

// Resolves the children's names. Errors: an unknown child, a group that contains itself; both are
// left out of the graph, which then has no cycles.
GroupOrder OrderGroups(const std::vector<DraftGroup>& groups, Diagnostics& diagnostics);

// One group that a host is in; level 0: listed there and in no child of it.
struct Membership {
  size_t group = 0;
  int level = 0;
};

// Every group that holds a host listed in `direct` (ascending), strongest first: by level, then the
// later in the file.
std::vector<Membership> MembershipsOf(const std::vector<size_t>& direct, const GroupOrder& order);

// Puts them into Ansible's order instead; no two have the same level then.
void SortAsAnsible(const std::vector<DraftGroup>& groups, const GroupOrder& order,
                   std::vector<Membership>& memberships);

}  // namespace fleetsync::inventory
