#include "inventory/check.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "inventory/host_set.h"
#include "inventory/network.h"
#include "inventory/time_graph.h"

namespace fleetsync::inventory {
namespace {

constexpr size_t kEnoughSources = 4;  // RFC 8633 3.2: one of them may fail, one may lie

const std::string& AddressOf(const Host& host) {
  return host.connection.address.empty() ? host.name : host.connection.address;
}

std::string Names(const std::vector<const Host*>& hosts) {
  std::vector<std::string> names;
  names.reserve(hosts.size());
  for (const Host* host : hosts) names.push_back(host->name);
  return FoldNames(names);
}

// Where a value of the host comes from; the host itself when it is built in.
Origin OriginOf(const Host& host, const std::string& key) {
  const auto found = host.variables.find(key);
  return found == host.variables.end() ? host.origin : found->second.origin;
}

class Checker {
 public:
  explicit Checker(const Inventory& inventory) : inventory_(inventory) {
    for (const Host& host : inventory.hosts) {
      by_name_.emplace(host.name, &host);
      by_name_.emplace(AddressOf(host), &host);
    }
  }

  Diagnostics Run() {
    if (inventory_.hosts.empty())
      Warn({.file = inventory_.path}, "no hosts", "name them, one a line or under 'hosts'");
    CheckAddresses();
    CheckSourcesOfClients();
    CheckRelays();
    return std::move(diagnostics_);
  }

 private:
  void Warn(Origin where, std::string what, std::string hint) {
    AddWarning(diagnostics_, std::move(where), std::move(what), std::move(hint));
  }

  void CheckAddresses() {
    std::map<std::pair<std::string, uint16_t>, const Host*> seen;
    for (const Host& host : inventory_.hosts) {
      constexpr uint16_t kSshPort = 22;
      const auto [first, is_new] =
          seen.try_emplace({AddressOf(host), host.connection.port.value_or(kSshPort)}, &host);
      if (!is_new)
        Warn(host.origin,
             fmt::format("hosts '{}' and '{}' are both {} port {}", first->second->name, host.name,
                         first->first.first, first->first.second),
             "a host under two names is set twice at once; keep one");
    }
  }

  // Hosts whose setting is the same are one warning.
  using Sharing = std::map<std::pair<int, int>, std::vector<const Host*>>;
  static void AddTo(Sharing& sharing, const Host& host, const std::string& key) {
    const auto found = host.variables.find(key);
    const Origin origin = found == host.variables.end() ? Origin() : found->second.origin;
    sharing[{origin.line, origin.column}].push_back(&host);
  }

  void CheckSourcesOfClients() {
    const size_t relays = inventory_.Relays().size();
    std::vector<const Host*> of_relays;
    Sharing few;
    for (const Host& host : inventory_.hosts) {
      if (host.role == Role::kRelay) continue;
      if (host.time.servers.empty())
        of_relays.push_back(&host);
      else if (host.time.servers.size() == 1 || IsAllowedPair(host, host.time.servers.size()))
        AddTo(few, host, "time.servers");
    }
    if (!of_relays.empty()) CheckNumberOfRelays(of_relays, relays);
    for (const auto& [place, hosts] : few)
      Warn(OriginOf(*hosts.front(), "time.servers"),
           fmt::format("{} of {}: {}", CountText(hosts.front()->time.servers.size(), "time server"),
                       Names(hosts), FewText(hosts.front()->time.servers.size())),
           "name three or more");
    CheckOwnServers();
  }

  void CheckNumberOfRelays(const std::vector<const Host*>& clients, size_t relays) {
    const Origin& where = clients.front()->origin;
    if (relays == 0)
      Warn(where, fmt::format("no time servers for {}: no host is a relay", Names(clients)),
           "give two or more hosts 'role: relay', or set 'servers' in 'time'");
    else if (relays == 1 || IsAllowedPair(*clients.front(), relays))
      Warn(
          inventory_.Relays().front()->origin,
          fmt::format("{} for {}: {}", CountText(relays, "relay"), Names(clients), FewText(relays)),
          "give three or more hosts 'role: relay'");
  }

  // Two that are not allowed are an error, of CheckTimeGraph.
  static bool IsAllowedPair(const Host& host, size_t sources) {
    return sources == 2 && host.time.two_sources == TimeSettings::TwoSources::kAllow;
  }

  static std::string CountText(size_t count, std::string_view thing) {
    return count == 1 ? fmt::format("only one {}", thing)
                      : fmt::format("only {} {}s", count, thing);
  }
  static std::string FewText(size_t count) {
    return count == 1 ? "when it is down or wrong, nothing else has the time"
                      : "when two disagree, nothing tells which one is right";
  }

  // A server that is a host of this inventory should be one that serves.
  void CheckOwnServers() {
    std::set<std::pair<int, int>> told;
    for (const Host& host : inventory_.hosts) {
      if (host.role == Role::kRelay) continue;
      for (const std::string& server : AddressesOf(host.time.servers)) {
        const auto found = by_name_.find(server);
        const Origin where = OriginOf(host, "time.servers");
        if (found == by_name_.end() && !inventory_.Relays().empty())
          Tell(where, fmt::format("time server '{}' of clients is past the relays", server),
               "let clients ask the relays alone: leave 'servers' out");
        if (found == by_name_.end() || found->second->role == Role::kRelay) continue;
        if (!told.insert({where.line, where.column}).second) continue;
        Warn(where,
             fmt::format("time server '{}' is a host of the inventory, but no relay", server),
             fmt::format("give '{}' the role relay, or name another server", server));
      }
    }
  }

  void CheckRelays() {
    Sharing few;
    for (const Host* relay : inventory_.Relays()) {
      const size_t upstreams = relay->time.upstreams.size();
      // None and a local stratum is how a site without any server outside is written.
      const bool alone = upstreams == 0 && relay->time.local_stratum.has_value();
      const bool refused = upstreams == 2 && !IsAllowedPair(*relay, upstreams);
      if (upstreams < kEnoughSources && !alone && !refused) AddTo(few, *relay, "time.upstreams");
      CheckUpstreams(*relay);
    }
    for (const auto& [place, relays] : few) {
      const size_t count = relays.front()->time.upstreams.size();
      const Origin where = OriginOf(*relays.front(), "time.upstreams");
      if (count == 0)
        Warn(where, fmt::format("relay {} has no upstreams", Names(relays)),
             "name four or more servers as 'upstreams' in 'time'");
      else
        Warn(where,
             fmt::format("{} of relay {}: RFC 8633 asks for four, so that one that is wrong is "
                         "outvoted also when another is down",
                         CountText(count, "upstream"), Names(relays)),
             "name four or more");
    }
  }

  void CheckUpstreams(const Host& relay) {
    const Origin where = OriginOf(relay, "time.upstreams");
    std::set<std::string> seen;
    for (const std::string& upstream : AddressesOf(relay.time.upstreams)) {
      if (!seen.insert(upstream).second)
        Tell(where, fmt::format("upstream '{}' is there twice", upstream),
             "one server has one vote; name another");
      const std::optional<IpAddress> address = ParseIpAddress(upstream);
      if (address && IsPublic(*address))
        Tell(where, fmt::format("upstream '{}' is a public address, not a name", upstream),
             "name the server: addresses of public servers change");
    }
  }

  // Relays share their upstreams: each thing about them is told once.
  void Tell(const Origin& where, std::string what, std::string hint) {
    if (told_.insert({where.line, what}).second) Warn(where, std::move(what), std::move(hint));
  }

  const Inventory& inventory_;
  Diagnostics diagnostics_;
  std::map<std::string, const Host*> by_name_;
  std::set<std::pair<int, std::string>> told_;
};

}  // namespace

Diagnostics Check(const Inventory& inventory) {
  Diagnostics diagnostics = Checker(inventory).Run();
  std::vector<const Host*> all;
  for (const Host& host : inventory.hosts) all.push_back(&host);
  for (Diagnostic& error : CheckTimeGraph(inventory, all)) diagnostics.push_back(std::move(error));
  SortByPlace(diagnostics);
  return diagnostics;
}

}  // namespace fleetsync::inventory
