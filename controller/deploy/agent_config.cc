#include "controller/deploy/agent_config.h"

#include <algorithm>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::deploy {
namespace {

// One word of the file: no white space, nothing that would begin a comment or a new line.
Status CheckWord(std::string_view what, std::string_view word) {
  const bool bad = std::any_of(word.begin(), word.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f || c == '#' || c == '"' || c == '\\';
  });
  if (!word.empty() && !bad) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format(
      "writing the agent's configuration: {} '{}' cannot stand in it", what, Printable(word)));
}

std::string AddressOf(const inventory::Host& host) {
  return host.connection.address.empty() ? host.name : host.connection.address;
}

}  // namespace

std::vector<std::string> ServersOf(const inventory::Inventory& inventory,
                                   const inventory::Host& host) {
  if (host.role == inventory::Role::kRelay) {
    // A relay of a site without upstreams is its own reference. It is asked on the address that it
    // serves: loopback is not among the networks that a relay allows.
    return host.time.upstreams.empty() ? std::vector<std::string>{AddressOf(host)}
                                       : inventory::AddressesOf(host.time.upstreams);
  }
  if (!host.time.servers.empty()) return inventory::AddressesOf(host.time.servers);
  std::vector<std::string> servers;
  for (const inventory::Host* relay : inventory.Relays()) servers.push_back(AddressOf(*relay));
  return servers;
}

StatusOr<std::string> RenderAgentConfig(const inventory::Inventory& inventory,
                                        const inventory::Host& host, const ReportSettings& report) {
  FS_RETURN_IF_ERROR(CheckWord("the host's name", host.name));
  FS_RETURN_IF_ERROR(CheckWord("the controller's address", report.controller));
  const std::vector<std::string> servers = ServersOf(inventory, host);
  if (servers.empty()) {
    return absl::FailedPreconditionError(
        "writing the agent's configuration: no server to measure; give the inventory a relay or "
        "this host time.servers");
  }
  std::string text = "# Written by `fleetsync agent install`, which replaces it.\n";
  text += "no-clock-control\n";  // the host's own daemon keeps its clock
  text += fmt::format("host {}\n", host.name);
  for (const std::string& server : servers) {
    FS_RETURN_IF_ERROR(CheckWord("the server", server));
    text += fmt::format("server {} iburst\n", server);
  }
  text += fmt::format("controller {}\nreport-interval 10s\n", report.controller);
  if (report.insecure) text += "insecure-controller\n";
  return text;
}

}  // namespace fleetsync::deploy
