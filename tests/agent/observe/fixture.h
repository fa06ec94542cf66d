#pragma once

#include <string>

#include "base/file.h"

namespace fleetsync::observe {

// A recorded output; which program and version printed it is in its name.
inline std::string Fixture(const std::string& name) {
  StatusOr<std::string> text = ReadFile("tests/agent/observe/fixtures/" + name, 1 << 16);
  return text.ok() ? *text : "missing fixture: " + Message(text.status());
}

}  // namespace fleetsync::observe
