#include "agent/serve/access_rule.h"

#include <charconv>
#include <string>

#include "agent/net/address_text.h"

namespace fleetsync::serve {
namespace {

constexpr int kBitsBeforeIpv4 = 96;

}  // namespace

std::optional<server::AccessRule> ParseAccessRule(std::string_view text, bool allow) {
  if (text == "all") return server::AccessRule{.network = {}, .prefix = 0, .allow = allow};
  const size_t slash = text.find('/');
  const auto address = net::ParseNumericAddress(std::string(text.substr(0, slash)), 0);
  if (!address || address->scope != 0) return std::nullopt;
  server::AccessRule rule{.network = *address, .allow = allow};
  if (slash == std::string_view::npos) return rule;
  const int before = server::IsIpv4(*address) ? kBitsBeforeIpv4 : 0;
  const std::string_view digits = text.substr(slash + 1);
  const char* const end = digits.data() + digits.size();
  unsigned prefix = 0;
  const auto [stop, error] = std::from_chars(digits.data(), end, prefix);
  if (error != std::errc() || stop != end || prefix > 128U - static_cast<unsigned>(before))
    return std::nullopt;
  rule.prefix = before + static_cast<int>(prefix);
  return rule;
}

}  // namespace fleetsync::serve
