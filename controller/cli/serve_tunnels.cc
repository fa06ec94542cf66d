#include "controller/cli/serve_tunnels.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "controller/deploy/agent_config.h"
#include "controller/tunnel/log.h"
#include "controller/tunnel/reverse_forwards.h"
#include "controller/ui/service_log.h"

namespace fleetsync::cli {
namespace {

// Open as long as the object is there; what they use goes after them.
struct Tunnels {
  inventory::Inventory inventory;
  std::shared_ptr<spdlog::logger> log;
  std::unique_ptr<tunnel::Log> observer;
  std::unique_ptr<tunnel::ReverseForwards> forwards;
};

// Where this machine itself reaches what listens there.
std::string ReachedAt(const std::string& listening) {
  if (listening == "0.0.0.0") return "127.0.0.1";
  return listening == "::" ? "::1" : listening;
}

std::shared_ptr<Tunnels> Open(const Context& context, const serve::ListenAddress& bound) {
  std::optional<inventory::Inventory> inventory = LoadInventory(context);
  if (!inventory) return nullptr;
  auto tunnels = std::make_shared<Tunnels>(Tunnels{.inventory = *std::move(inventory),
                                                   .log = ui::MakeServiceLog("tunnel"),
                                                   .observer = nullptr,
                                                   .forwards = nullptr});
  std::vector<const inventory::Host*> hosts;
  for (const inventory::Host& host : tunnels->inventory.hosts)
    if (host.reports_through_ssh) hosts.push_back(&host);
  if (hosts.empty()) return nullptr;
  const tunnel::ForwardOptions options{.host_port = deploy::kTunnelPort,
                                       .to = ReachedAt(bound.host),
                                       .to_port = bound.port,
                                       .fleet = FleetOptionsFrom(context.options)};
  tunnels->observer = std::make_unique<tunnel::Log>(*tunnels->log, options, hosts.size());
  StatusOr<std::unique_ptr<tunnel::ReverseForwards>> forwards =
      tunnel::ReverseForwards::Create(hosts, options, *tunnels->observer);
  if (!forwards.ok()) {
    tunnels->log->error("no host reports through SSH until the inventory is read again: {}",
                        Message(forwards.status()));
    return nullptr;
  }
  tunnels->forwards = *std::move(forwards);
  tunnels->forwards->Start();
  return tunnels;
}

}  // namespace

serve::OpenTunnels TunnelsOverSsh(const Context& context) {
  return [&context](const serve::ListenAddress& bound) -> std::shared_ptr<void> {
    return Open(context, bound);
  };
}

}  // namespace fleetsync::cli
