#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fleetsync::inventory {

struct Origin {
  std::string file;
  int line = 0;    // from 1; 0: not from a file
  int column = 0;  // from 1, in characters
};

struct Diagnostic {
  enum class Severity : uint8_t { kError, kWarning } severity = Severity::kError;
  Origin where;
  std::string what;  // "unknown key 'minpol'"
  std::string hint;  // "did you mean 'minpoll'?"; may be empty
};

// "FILE:LINE:COLUMN: what is wrong; what to do" ("warning: " before `what` for warnings).
std::string ToString(const Diagnostic& diagnostic);

using Diagnostics = std::vector<Diagnostic>;
bool HasErrors(const Diagnostics& diagnostics);

}  // namespace fleetsync::inventory
