#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agent/engine/address.h"

namespace fleetsync::server {

struct AccessRule {
  ntp::Address network;  // the port and the scope mean nothing
  int prefix = 128;      // of the 128 bits: 96 more than people write for IPv4
  bool allow = true;
};

// Who may ask. The rule with the longest prefix decides, whatever the order; of two for the same
// network the one that denies. Who is in no rule is denied.
class AccessList {
 public:
  explicit AccessList(std::span<const AccessRule> rules);

  bool Allows(const ntp::Address& client) const;

 private:
  enum class Says : uint8_t { kNothing, kAllow, kDeny };
  struct Node {
    uint32_t child[2] = {0, 0};  // position in nodes_; 0: none
    Says says = Says::kNothing;
  };

  void Add(const AccessRule& rule);
  // The part of the trie that all IPv4 addresses share is walked once, here.
  void FindIpv4Start();

  std::vector<Node> nodes_{1};
  uint32_t ipv4_start_ = 0;  // where the walk for IPv4 begins; 0: no rule is that specific
  bool ipv4_allowed_ = false;
};

bool IsIpv4(const ntp::Address& address);

}  // namespace fleetsync::server
