#include "controller/deploy/agent_config.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "controller/plan/diff_parts.h"
#include "controller/policy/time_policy.h"
#include "controller/render/key_file.h"
#include "controller/render/render.h"
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

// What an agent that leaves the clock alone is told: the host's own daemon keeps it.
constexpr std::string_view kObserving = "no-clock-control\n";

StatusOr<std::string> ReportLines(const inventory::Host& host, const ReportSettings& report) {
  const std::string controller =
      host.reports_through_ssh ? fmt::format("127.0.0.1:{}", kTunnelPort) : report.controller;
  FS_RETURN_IF_ERROR(CheckWord("the controller's address", controller));
  return fmt::format(
      "controller {}\nreport-interval 10s\n{}\n", controller,
      report.insecure ? std::string("insecure-controller") : fmt::format("tls-dir {}", kTlsFolder));
}

bool IsToKeep(ClockMode mode, const inventory::Host& host, const HostState& state) {
  if (mode != ClockMode::kAuto) return mode == ClockMode::kKeep;
  return host.time.daemon == "agent" || state.keeps_clock;
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
  FS_ASSIGN_OR_RETURN(const std::string report_lines, ReportLines(host, report));
  const std::vector<std::string> servers = ServersOf(inventory, host);
  if (servers.empty()) {
    return absl::FailedPreconditionError(
        "writing the agent's configuration: no server to measure; give the inventory a relay or "
        "this host time.servers");
  }
  std::string text = "# Written by `fleetsync agent install`, which replaces it.\n";
  text += kObserving;
  text += fmt::format("host {}\n", host.name);
  for (const std::string& server : servers) {
    FS_RETURN_IF_ERROR(CheckWord("the server", server));
    text += fmt::format("server {} iburst\n", server);
  }
  return text + report_lines;
}

StatusOr<AgentWish> WishFor(
    const inventory::Inventory& inventory, const inventory::Host& host, const HostState& state,
    ClockMode mode, const ReportSettings& report,
    const std::function<StatusOr<Secret>(const inventory::SecretSource&)>& read) {
  AgentWish wish{.config = {}, .keeps_clock = IsToKeep(mode, host, state)};
  if (!wish.keeps_clock) {
    FS_ASSIGN_OR_RETURN(wish.config, RenderAgentConfig(inventory, host, report));
    return wish;
  }
  if (!state.facts.can_set_clock) {
    return absl::FailedPreconditionError(
        "the clock cannot be set here (no CAP_SYS_TIME; a container has its host's clock); install "
        "the agent where it can, or here with --observe");
  }
  FS_RETURN_IF_ERROR(CheckWord("the host's name", host.name));
  FS_ASSIGN_OR_RETURN(policy::TimePolicy policy, policy::FromInventory(inventory, host));
  FS_ASSIGN_OR_RETURN(policy.keys, policy::ReadKeys(policy.settings.keys, read));
  facts::DaemonFact agent;
  agent.daemon = facts::Daemon::kAgent;
  FS_ASSIGN_OR_RETURN(const std::vector<plan::PlannedChange> rivals,
                      plan::RetireRivals(policy, &agent, state.facts));
  for (const plan::PlannedChange& rival : rivals)
    wish.rivals.push_back(std::get<plan::SetService>(rival.change));
  render::Platform platform{.daemon = facts::Daemon::kAgent,
                            .version = {},
                            .os_id = state.facts.os_id,
                            .binary = std::string(kBinaryPath),
                            .config_path = std::string(kConfigPath),
                            .drift_path = {},
                            .keys_path = std::string(kKeysPath),
                            .current = {}};
  FS_ASSIGN_OR_RETURN(platform.current, ReportLines(host, report));
  FS_ASSIGN_OR_RETURN(render::RenderedFile file, render::RenderTimeService(policy, platform));
  wish.config = std::move(file.text);
  if (policy.keys == nullptr) return wish;
  FS_ASSIGN_OR_RETURN(std::string keys, render::KeyFile(policy, facts::Daemon::kAgent));
  wish.keys = Secret(std::move(keys));
  return wish;
}

}  // namespace fleetsync::deploy
