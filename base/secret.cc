#include "base/secret.h"

#include <string.h>

#include <utility>

namespace fleetsync {

void WipeString(std::string& bytes) {
  // The whole capacity: a shorter value assigned later leaves the old tail behind.
  bytes.resize(bytes.capacity());
  explicit_bzero(bytes.data(), bytes.size());
  bytes.clear();
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  Wipe();
  bytes_ = other.bytes_;  // a copy and a wipe: moving a short string leaves its bytes in `other`
  other.Wipe();
  return *this;
}

void Secret::Wipe() { WipeString(bytes_); }

}  // namespace fleetsync
