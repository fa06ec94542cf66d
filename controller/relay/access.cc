#include "controller/relay/access.h"

#include "agent/serve/access_rule.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::relay {
namespace {

constexpr const char* kPrivate[] = {
    "127.0.0.0/8",   "10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "100.64.0.0/10", "198.18.0.0/15", "::1",           "fc00::/7",       "fe80::/10"};

Status Add(const std::string& text, bool allow, std::vector<server::AccessRule>& rules) {
  const auto rule = serve::ParseAccessRule(text, allow);
  if (!rule) {
    return absl::InvalidArgumentError(fmt::format("{} {}: not a network; write {}",
                                                  allow ? "--allow" : "--deny", Printable(text),
                                                  serve::kNetworkForms));
  }
  rules.push_back(*rule);
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
