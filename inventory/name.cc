#include "inventory/name.h"

#include <algorithm>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/diagnostic.h"
#include "inventory/network.h"

namespace fleetsync::inventory {
namespace {

constexpr std::string_view kNameBytes =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
constexpr size_t kLongestName = 253;  // RFC 1035 2.3.4, without the root's dot
constexpr size_t kLongestUser = 128;

Problem CheckName(std::string_view name, std::string_view thing) {
  if (name.empty()) return {fmt::format("a {} without a name", thing), "write a name"};
  if (name == "all")
    return {fmt::format("a {} cannot be called 'all', which stands for every host", thing),
            "choose another name"};
  if (name.size() > kLongestName)
    return {fmt::format("a {} name of {} characters: {}", thing, name.size(), Quoted(name)),
            fmt::format("{} is the most that DNS allows", kLongestName)};
  if (name.front() == '-' || name.front() == '.')
    return {fmt::format("{} name {} begins with '{}'", thing, Quoted(name), name.front()),
            "begin it with a letter or a digit"};
  const size_t bad = name.find_first_not_of(kNameBytes);
  if (bad == std::string_view::npos) return {};
  const auto byte = static_cast<unsigned char>(name[bad]);
  if (byte >= 0x80)
    return {fmt::format("{} name {} is not ASCII", thing, Quoted(name)),
            "write an internationalised name in its xn-- form"};
  return {fmt::format("{} name {} holds {}", thing, Quoted(name), Quoted(name.substr(bad, 1))),
          "use letters, digits, '.', '-' and '_' only"};
}

}  // namespace

Problem CheckHostName(std::string_view name) {
  if (IsIpAddress(name)) return {};
  return CheckName(name, "host");
}

Problem CheckGroupName(std::string_view name) { return CheckName(name, "group"); }

Problem CheckUser(std::string_view user) {
  constexpr std::string_view kRefused = "'\"`$;&<>|(){}[]*?!#~:/,%^=";
  if (user.empty()) return {"a user without a name", "write a name, or leave the user out"};
  if (user.size() > kLongestUser)
    return {fmt::format("a user name of {} characters", user.size()),
            fmt::format("{} is the most", kLongestUser)};
  if (user.front() == '-')
    return {fmt::format("user {} begins with '-'", Quoted(user)), "begin it with a letter"};
  const bool refused = std::any_of(user.begin(), user.end(), [&](char c) {
    return c <= ' ' || c >= 0x7f || kRefused.find(c) != std::string_view::npos;
  });
  if (refused || user.back() == '\\')
    return {fmt::format("user {} is not a login name", Quoted(user)),
            "use letters, digits, '.', '-', '_', '@' and '+' only"};
  return {};
}

Problem CheckProxyJump(std::string_view hops) {
  if (hops == "none") return {};
  for (const std::string_view hop : Split(hops, ',')) {
    const size_t at = hop.rfind('@');
    if (at != std::string_view::npos) {
      Problem problem = CheckUser(hop.substr(0, at));
      if (!problem.ok()) return problem;
    }
    const HostAndPort parts = SplitPort(at == std::string_view::npos ? hop : hop.substr(at + 1));
    Problem problem = CheckHostName(parts.host);
    if (!problem.ok()) return problem;
    if (parts.has_port && ParsePort(parts.port) == 0)
      return {fmt::format("{} is not a port", Quoted(parts.port)), "write 1 to 65535"};
  }
  return {};
}

unsigned ParsePort(std::string_view text) {
  if (text.empty() || text.size() > 5) return 0;
  unsigned port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return 0;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port <= 65535 ? port : 0;
}

HostAndPort SplitPort(std::string_view text) {
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close != std::string_view::npos && IsIpAddress(text.substr(1, close - 1))) {
      const std::string_view rest = text.substr(close + 1);
      if (rest.empty()) return {text.substr(1, close - 1), {}, false};
      if (rest[0] == ':') return {text.substr(1, close - 1), rest.substr(1), true};
    }
  }
  const size_t colon = text.rfind(':');
  // A colon inside a range ("web[01:40]") and those of a bare IPv6 address separate no port.
  const size_t bracket = text.rfind(']');
  const bool in_range = bracket != std::string_view::npos && colon < bracket;
  if (colon == std::string_view::npos || in_range || IsIpAddress(text)) return {text, {}, false};
  return {text.substr(0, colon), text.substr(colon + 1), true};
}

}  // namespace fleetsync::inventory
