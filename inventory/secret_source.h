#pragma once

#include <cstdint>
#include <string>

#include "inventory/diagnostic.h"

namespace fleetsync::inventory {

// Where a secret comes from; the bytes are read when they are needed, never stored here.
struct SecretSource {
  enum class Kind : uint8_t { kFile, kEnvironment, kCommand } kind = Kind::kFile;
  std::string value;  // path, variable's name or command
  Origin origin;
};

}  // namespace fleetsync::inventory
