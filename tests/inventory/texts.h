#pragma once

#include <string>
#include <vector>

#include "inventory/diagnostic.h"

namespace fleetsync::inventory {

// The diagnostics as the operator reads them.
inline std::vector<std::string> Texts(const Diagnostics& diagnostics) {
  std::vector<std::string> texts;
  for (const Diagnostic& diagnostic : diagnostics) texts.push_back(ToString(diagnostic));
  return texts;
}

}  // namespace fleetsync::inventory
