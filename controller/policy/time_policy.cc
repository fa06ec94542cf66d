#include "controller/policy/time_policy.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::policy {
namespace {

constexpr size_t kMaxNameLength = 253;  // RFC 1035
constexpr size_t kMaxExtraLength =
    1000;  // chronyd reads lines of up to 2047 characters, ntpd of 1024

Status Invalid(const inventory::Host& host, std::string text) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", host.name, std::move(text)));
}

std::string BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  // A file name may hold a line break, a comment in a configuration file may not.
  std::string name = Printable(path);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '\n' || c == '\t'; }, '?');
  return name;
}

bool IsServerName(std::string_view name) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  if (name.empty() || name.size() > kMaxNameLength || name[0] == '-' || name[0] == '.')
    return false;
  return name.find_first_not_of(kLetters) == std::string_view::npos;
}

bool HasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
  });
}

StatusOr<DaemonChoice> ChoiceOf(const inventory::Host& host) {
  const std::string& name = host.time.daemon;
  if (name.empty() || name == "auto") return DaemonChoice::kAuto;
  if (name == "chrony") return DaemonChoice::kChrony;
  if (name == "ntp") return DaemonChoice::kNtp;
  if (name == "ntpsec") return DaemonChoice::kNtpsec;
  if (name == "openntpd") return DaemonChoice::kOpenntpd;
  if (name == "timesyncd") return DaemonChoice::kTimesyncd;
  if (name == "agent") return DaemonChoice::kAgent;
  if (name == "none") return DaemonChoice::kNone;
  return Invalid(host,
                 fmt::format("time.daemon is '{}'; push knows auto, chrony, ntp, ntpsec, openntpd, "
                             "timesyncd and agent",
                             Printable(name)));
}

// What a client asks: its own `servers`, else every relay of the inventory.
std::vector<inventory::TimeSource> ServersOf(const inventory::Inventory& inventory,
                                             const inventory::Host& host) {
  if (host.role == inventory::Role::kRelay) {
    std::vector<inventory::TimeSource> sources = host.time.upstreams;
    sources.insert(sources.end(), host.time.peers.begin(), host.time.peers.end());
    return sources;
  }
  if (!host.time.servers.empty()) return host.time.servers;
  std::vector<inventory::TimeSource> servers;
  for (const inventory::Host* relay : inventory.Relays())
    servers.push_back(
        {.address = relay->connection.address.empty() ? relay->name : relay->connection.address});
  return servers;
}

Status AddSources(const inventory::Inventory& inventory, const inventory::Host& host,
                  TimePolicy& policy) {
  const bool relay = host.role == inventory::Role::kRelay;
  for (inventory::TimeSource& server : ServersOf(inventory, host)) {
    if (!IsServerName(server.address) && !inventory::IsIpAddress(server.address))
      return Invalid(host,
                     fmt::format("'{}' cannot be a time server's name or address; write it alone, "
                                 "without options",
                                 Printable(server.address)));
    const auto same = [&](const inventory::TimeSource& known) {
      return known.address == server.address;
    };
    if (std::none_of(policy.sources.begin(), policy.sources.end(), same))
      policy.sources.push_back(std::move(server));
  }
  if (!policy.sources.empty() || (relay && policy.local_stratum)) return absl::OkStatus();
  return Invalid(host, relay ? "this relay has no upstream; set time.upstreams, or "
                               "time.local_stratum for a site without any"
                             : "this client has no server to ask; give a host the role relay, or "
                               "set time.servers");
}

Status AddAccess(const inventory::Inventory& inventory, const inventory::Host& host,
                 TimePolicy& policy) {
  if (host.role != inventory::Role::kRelay) return absl::OkStatus();
  for (const std::string& text : host.time.allow) {
    const std::optional<inventory::Network> network = inventory::ParseNetwork(text);
    if (!network)
      return Invalid(host, fmt::format("time.allow holds '{}', which is no network; write one like "
                                       "192.168.11.0/24 or fd00::/8",
                                       Printable(text)));
    policy.allow.push_back(*network);
  }
  if (policy.allow.empty()) policy.allow = DeriveAllow(inventory);
  return absl::OkStatus();
}

}  // namespace

std::vector<inventory::Network> DeriveAllow(const inventory::Inventory& inventory) {
  std::vector<inventory::Network> networks;
  std::set<std::string> seen;
  const auto add = [&](const inventory::Network& network) {
    if (seen.insert(inventory::ToString(network)).second) networks.push_back(network);
  };
  bool named = false;
  for (const inventory::Host& host : inventory.hosts) {
    const std::string& address =
        host.connection.address.empty() ? host.name : host.connection.address;
    const std::optional<inventory::IpAddress> ip = inventory::ParseIpAddress(address);
    named = named || !ip;
    if (ip) add(*inventory::ParseNetwork(inventory::ToString({*ip, ip->bits == 32 ? 24 : 64})));
  }
  if (named)
    for (const std::string_view range :
         {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"})
      add(*inventory::ParseNetwork(range));
  return networks;
}

StatusOr<TimePolicy> FromInventory(const inventory::Inventory& inventory,
                                   const inventory::Host& host) {
  TimePolicy policy;
  policy.host = host.name;
  policy.inventory = BaseName(inventory.path);
  policy.role = host.role;
  policy.settings = host.time;
  FS_ASSIGN_OR_RETURN(policy.daemon, ChoiceOf(host));
  if (host.role == inventory::Role::kRelay) policy.local_stratum = host.time.local_stratum;
  if (policy.local_stratum && (*policy.local_stratum < 1 || *policy.local_stratum > 15))
    return Invalid(host, fmt::format("time.local_stratum is {}; strata go from 1 to 15",
                                     *policy.local_stratum));
  FS_RETURN_IF_ERROR(AddSources(inventory, host, policy));
  FS_RETURN_IF_ERROR(AddAccess(inventory, host, policy));
  for (const std::string& line : host.time.extra) {
    if (HasControlCharacter(line) || line.size() > kMaxExtraLength)
      return Invalid(host, fmt::format("time.extra holds a line with control characters or of more "
                                       "than {} bytes: '{}'",
                                       kMaxExtraLength, Printable(line.substr(0, 60))));
    policy.extra.push_back(line);
  }
  return policy;
}

}  // namespace fleetsync::policy
