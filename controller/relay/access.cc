#include "controller/relay/access.h"

#include <algorithm>

#include "fmt/format.h"
#include "inventory/network.h"

namespace fleetsync::relay {
namespace {

constexpr const char* kPrivate[] = {
    "127.0.0.0/8",   "10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "100.64.0.0/10", "198.18.0.0/15", "::1",           "fc00::/7",       "fe80::/10"};

server::AccessRule ToRule(const inventory::Network& network, bool allow) {
  server::AccessRule rule{.network = {}, .prefix = network.prefix, .allow = allow};
  if (network.address.bits == 128) {
    rule.network.ip = network.address.bytes;
    return rule;
  }
  rule.network.ip[10] = rule.network.ip[11] = 0xff;  // ::ffff:a.b.c.d
  std::copy_n(network.address.bytes.begin(), 4, rule.network.ip.begin() + 12);
  rule.prefix += 96;
  return rule;
}

Status Add(const std::string& text, bool allow, std::vector<server::AccessRule>& rules) {
  if (text == "all") {
    rules.push_back({.network = {}, .prefix = 0, .allow = allow});
    return absl::OkStatus();
  }
  const auto network = inventory::ParseNetwork(text);
  if (!network) {
    return absl::InvalidArgumentError(
        fmt::format("{} {}: not a network; write 10.0.0.0/8, 2001:db8::/32, one address, or all",
                    allow ? "--allow" : "--deny", text));
  }
  rules.push_back(ToRule(*network, allow));
  return absl::OkStatus();
}

}  // namespace

StatusOr<std::vector<server::AccessRule>> MakeAccessRules(std::span<const std::string> allow,
                                                          std::span<const std::string> deny) {
  std::vector<server::AccessRule> rules;
  for (const std::string& text : allow) FS_RETURN_IF_ERROR(Add(text, true, rules));
  for (const std::string& text : deny) FS_RETURN_IF_ERROR(Add(text, false, rules));
  if (!allow.empty()) return rules;
  for (const char* const text : kPrivate) FS_RETURN_IF_ERROR(Add(text, true, rules));
  return rules;
}

}  // namespace fleetsync::relay
