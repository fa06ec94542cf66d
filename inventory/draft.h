#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/secret.h"
#include "inventory/inventory.h"
#include "inventory/variables.h"

namespace fleetsync::inventory {

// What a file says, before anything is inherited: the common form that every format is read into.
struct DraftHost {
  std::string name;
  Origin origin;
  std::vector<Setting> settings;
  Secret password;
};

struct DraftGroup {
  std::string name;
  Origin origin;
  std::vector<Word> hosts;     // expanded; each becomes a host of the inventory
  std::vector<Word> children;  // names of groups
  std::vector<Setting> settings;
  std::vector<Setting> weaker = {};  // below Draft::defaults
  int priority = 1;                  // of Ansible's groups
};

struct DraftLayer {
  std::string from;  // "time", "defaults"
  std::vector<Setting> settings;
};

struct Draft {
  std::string path;
  std::vector<DraftLayer> defaults;      // strongest first; no key in two of them
  std::vector<DraftGroup> groups;        // names differ
  std::vector<DraftHost> hosts;          // names differ
  std::vector<DraftLayer> weakest = {};  // below everything else
  // Which of a host's groups is stronger: the nearer, then the later in the file; or, as Ansible
  // has it, the deepest below the top, then by priority, then the later name.
  enum class Precedence : uint8_t { kNearest, kAnsible } precedence = Precedence::kNearest;
  // Order of the hosts in the inventory: those of groups first, or those of `hosts`.
  bool hosts_first = false;
};

// Who inherits what: host over group over parent group over defaults (over what groups hold below
// them). A group counts as far from a
// host as its longest way down to it, so that a child is always nearer than its parent; of two
// groups equally far the one later in the file wins, and where they differ there is a warning.
// Adds errors for unknown children and for groups that contain themselves; then groups are empty.
Inventory BuildInventory(Draft draft, Diagnostics& diagnostics);

}  // namespace fleetsync::inventory
