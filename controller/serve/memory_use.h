#pragma once

#include <cstddef>
#include <optional>

#include "base/descriptor.h"

namespace fleetsync::serve {

// What this process has allocated and not freed. One thread.
class MemoryUse {
 public:
  MemoryUse();

  // In bytes, when it is `limit` or more.
  std::optional<size_t> AtLeast(size_t limit) const;

 private:
  size_t Resident() const;

  Descriptor statm_;
};

}  // namespace fleetsync::serve
