#include "controller/sync/servers.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::sync {
namespace {

using inventory::Host;
using inventory::Inventory;

const std::string& AddressOf(const Host& host) {
  return host.connection.address.empty() ? host.name : host.connection.address;
}

Server Find(const Inventory& inventory, const std::string& name) {
  for (const Host& host : inventory.hosts) {
    if (host.name == name || host.connection.address == name) {
      return {.name = host.name, .address = AddressOf(host), .host = &host};
    }
  }
  return {.name = name, .address = name, .host = nullptr};
}

std::vector<Server> FindAll(const Inventory& inventory, const std::vector<std::string>& names) {
  std::vector<Server> servers;
  for (const std::string& name : names) servers.push_back(Find(inventory, name));
  return servers;
}

std::vector<Server> ServersOf(const Inventory& inventory, const Host& host) {
  if (host.role == inventory::Role::kRelay)
    return FindAll(inventory, AddressesOf(host.time.upstreams));
  if (!host.time.servers.empty()) return FindAll(inventory, AddressesOf(host.time.servers));
  std::vector<Server> servers;
  for (const Host* relay : inventory.Relays()) {
    servers.push_back({.name = relay->name, .address = AddressOf(*relay), .host = relay});
  }
  return servers;
}

}  // namespace

std::vector<Assignment> AssignServers(const Inventory& inventory,
                                      const std::vector<const Host*>& hosts,
                                      const std::vector<std::string>& relays) {
  const std::vector<Server> named = FindAll(inventory, relays);
  std::vector<Assignment> assignments;
  std::set<const Host*> references;
  for (const Host* host : hosts) {
    Assignment& assignment = assignments.emplace_back();
    assignment.host = host;
    assignment.servers = named.empty() ? ServersOf(inventory, *host) : named;
    const bool asks_relays = !named.empty() || host->role == inventory::Role::kClient;
    for (const Server& server : assignment.servers) {
      if (asks_relays && server.host != nullptr) references.insert(server.host);
    }
  }
  for (Assignment& assignment : assignments) {
    assignment.is_reference = references.contains(assignment.host);
  }
  return assignments;
}

std::vector<Server> DistinctServers(const std::vector<Assignment>& assignments) {
  std::vector<Server> distinct;
  std::set<std::string_view> seen;
  for (const Assignment& assignment : assignments) {
    if (assignment.is_reference) continue;
    for (const Server& server : assignment.servers) {
      if (seen.insert(server.address).second) distinct.push_back(server);
    }
  }
  return distinct;
}

StatusOr<size_t> ParseSerial(const std::string& text, size_t total) {
  if (text.empty()) return std::max<size_t>(total, 1);
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  const bool number = error == std::errc() && value > 0 && value <= 1'000'000;
  if (number && rest.empty()) return value;
  if (number && rest == "%" && value <= 100) return std::max<size_t>(total * value / 100, 1);
  return absl::InvalidArgumentError(fmt::format(
      "--serial {}: give a number of hosts or a percentage, such as 10 or 25%", Printable(text)));
}

}  // namespace fleetsync::sync
