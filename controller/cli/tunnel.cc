#include <memory>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/serve/listen_address.h"
#include "controller/serve/service_manager.h"
#include "controller/tunnel/log.h"
#include "controller/tunnel/reverse_forwards.h"
#include "controller/ui/service_log.h"
#include "fmt/format.h"

namespace fleetsync::cli {
namespace {

constexpr const char* kHelp =
    "Let hosts that cannot connect to the controller report through SSH, until SIGTERM or "
    "Ctrl-C.\n\n"
    "One SSH connection is kept open to every chosen host. On it the host's sshd listens on a port "
    "of "
    "the host's loopback address, and what connects there is carried to 'fleetsync serve'. The "
    "agent "
    "there is told 'controller 127.0.0.1:7312'. A lost connection is made again.\n\n"
    "  fleetsync tunnel -g dmz\n"
    "  fleetsync tunnel -g dmz --to 198.18.0.1:7312 --port 7400\n";

struct TunnelOptions {
  std::string to = "127.0.0.1:7312";
  uint16_t port = 7312;
};

StatusOr<tunnel::ForwardOptions> ForwardOptionsFrom(const Context& context,
                                                    const TunnelOptions& options) {
  const StatusOr<serve::ListenAddress> to = serve::ParseListenAddress(options.to);
  if (!to.ok() || to->port == 0)
    return absl::InvalidArgumentError(
        fmt::format("--to '{}' is not where 'fleetsync serve' listens; write ADDRESS:PORT with a "
                    "numeric address, such as 127.0.0.1:7312",
                    options.to));
  return tunnel::ForwardOptions{.host_port = options.port,
                                .to = to->host,
                                .to_port = to->port,
                                .fleet = FleetOptionsFrom(context.options)};
}

void Notify(spdlog::logger& log, std::string_view state) {
  if (const Status status = serve::NotifyServiceManager(state); !status.ok())
    log.warn("{}", Message(status));
}

int RunTunnel(const Context& context, const TunnelOptions& given) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  const StatusOr<tunnel::ForwardOptions> options = ForwardOptionsFrom(context, given);
  if (!options.ok()) {
    PrintError(Message(options.status()));
    return kUsage;
  }
  const std::shared_ptr<spdlog::logger> log = ui::MakeServiceLog("tunnel");
  tunnel::Log observer(*log, *options, chosen->hosts.size(), [&log] { Notify(*log, "READY=1"); });
  const StatusOr<std::unique_ptr<tunnel::ReverseForwards>> forwards =
      tunnel::ReverseForwards::Create(chosen->hosts, *options, observer);
  if (!forwards.ok()) {
    PrintError(Message(forwards.status()));
    return kUsage;
  }
  (*forwards)->Run(*context.stop);
  Notify(*log, "STOPPING=1");
  log->info("stopping");
  return kAllWell;
}

}  // namespace

void AddTunnel(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("tunnel", kHelp);
  auto options = std::make_shared<TunnelOptions>();
  command->add_option("--to", options->to, "Where 'fleetsync serve' listens")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command
      ->add_option("--port", options->port,
                   "The port of 127.0.0.1 on each host, as in the agent's 'controller' line")
      ->check(CLI::Range(1, 65'535))
      ->capture_default_str();
  command->callback([options, &action] {
    action = [options](const Context& context) { return RunTunnel(context, *options); };
  });
}

}  // namespace fleetsync::cli
