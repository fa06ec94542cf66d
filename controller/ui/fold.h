#pragma once

#include <span>
#include <string>
#include <vector>

namespace fleetsync::ui {

struct HostText {
  std::string host;
  std::string text;
};
struct Folded {
  std::vector<std::string> hosts;
  std::string names;  // the hosts as a host set: "web[01-38]"
  std::string text;
};

// Hosts that say the same, together: the largest group first, then by name. Pure.
std::vector<Folded> Fold(std::span<const HostText> texts);

}  // namespace fleetsync::ui
