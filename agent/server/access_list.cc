#include "agent/server/access_list.h"

#include <algorithm>
#include <array>

namespace fleetsync::server {
namespace {

constexpr int kBits = 128;
constexpr int kIpv4Prefix = 96;  // ::ffff:0:0/96
constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

size_t Bit(const ntp::Address& address, int at) {
  const auto i = static_cast<size_t>(at);
  return address.ip[i / 8] >> (7 - i % 8) & 1;
}

}  // namespace

bool IsIpv4(const ntp::Address& address) {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.ip.begin());
}

AccessList::AccessList(std::span<const AccessRule> rules) {
  for (const AccessRule& rule : rules) Add(rule);
  FindIpv4Start();
}

void AccessList::Add(const AccessRule& rule) {
  uint32_t at = 0;
  for (int bit = 0; bit < std::clamp(rule.prefix, 0, kBits); ++bit) {
    const size_t side = Bit(rule.network, bit);
    if (nodes_[at].child[side] == 0) {
      nodes_[at].child[side] = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
    }
    at = nodes_[at].child[side];
  }
  if (nodes_[at].says != Says::kDeny) nodes_[at].says = rule.allow ? Says::kAllow : Says::kDeny;
}

void AccessList::FindIpv4Start() {
  ntp::Address any;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), any.ip.begin());
  uint32_t at = 0;
  for (int bit = 0;; ++bit) {
    if (nodes_[at].says != Says::kNothing) ipv4_allowed_ = nodes_[at].says == Says::kAllow;
    if (bit == kIpv4Prefix) break;
    at = nodes_[at].child[Bit(any, bit)];
    if (at == 0) return;
  }
  ipv4_start_ = at;
}

bool AccessList::Allows(const ntp::Address& client) const {
  const bool ipv4 = IsIpv4(client);
  if (ipv4 && ipv4_start_ == 0) return ipv4_allowed_;
  uint32_t at = ipv4 ? ipv4_start_ : 0;
  bool allowed = ipv4 && ipv4_allowed_;
  for (int bit = ipv4 ? kIpv4Prefix : 0;; ++bit) {
    if (nodes_[at].says != Says::kNothing) allowed = nodes_[at].says == Says::kAllow;
    if (bit == kBits) return allowed;
    at = nodes_[at].child[Bit(client, bit)];
    if (at == 0) return allowed;
  }
}

}  // namespace fleetsync::server
