#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/engine/address.h"
#include "base/status.h"

namespace fleetsync::net {

struct Answer {
  uint32_t token = 0;                   // as given to Ask
  std::vector<ntp::Address> addresses;  // empty: the name did not resolve
  std::string error;                    // why, when empty
};

// getaddrinfo in a thread of its own, for a loop that may not block. The thread starts with the
// first question; it is left behind when the resolver goes while a lookup hangs.
class Resolver {
 public:
  static StatusOr<Resolver> Create();
  Resolver(Resolver&&) noexcept;
  Resolver& operator=(Resolver&&) noexcept;
  ~Resolver();

  void Ask(uint32_t token, const std::string& name, uint16_t port);
  // Readable when Take has something.
  int fd() const;
  std::vector<Answer> Take();

 private:
  struct Shared;
  explicit Resolver(std::shared_ptr<Shared> shared);

  std::shared_ptr<Shared> shared_;
  bool started_ = false;
};

// Blocks.
Answer ResolveNow(uint32_t token, const std::string& name, uint16_t port);

}  // namespace fleetsync::net
