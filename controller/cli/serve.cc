#include "controller/serve/serve.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/time_text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/live_probe.h"
#include "controller/cli/serve_tunnels.h"
#include "controller/relay/relay.h"

namespace fleetsync::cli {
namespace {

constexpr const char* kHelp =
    "Take the agents' reports into the database that 'fleetsync status' reads, until SIGTERM or "
    "Ctrl-C.\n\n"
    "Only hosts that the inventory names may report. A report is acknowledged when it is on disk; "
    "agents keep what was not, so nothing is lost when this stops or the disk is full.\n\n"
    "Agents connect with TLS 1.3 and certificates of the fleet's own authority ('fleetsync ca'), "
    "which is made beside the database where there is none. To hosts with 'report_through: ssh' in "
    "the inventory it keeps SSH connections open, through which their agents report.\n\n"
    "  fleetsync serve --listen 0.0.0.0:7312\n"
    "  fleetsync serve --listen 0.0.0.0:7312 --probe-interval 5min\n"
    "  fleetsync serve --insecure --listen 127.0.0.1:7400 --db ./fleet.db\n"
    "  fleetsync serve --insecure --insecure-network --listen 198.18.0.254:7312\n";

constexpr Duration kShortestProbing = std::chrono::seconds(10);

// What is wrong with the inventory is on standard error.
StatusOr<serve::ServedFleet> LoadFleet(const Context& context) {
  const std::optional<inventory::Inventory> inventory = LoadInventory(context);
  if (!inventory) return absl::InvalidArgumentError("the inventory cannot be used");
  std::vector<serve::ServedHost> hosts;
  for (const inventory::Host& host : inventory->hosts)
    hosts.push_back({.name = host.name, .groups = host.groups, .tolerance = host.time.tolerance});
  return serve::ServedFleet::Of(std::move(hosts));
}

// The relay of this process, as `relay run` with these upstreams would be.
struct RelayWords {
  bool wanted = false;
  relay::RelayOptions options{};
};

serve::Companion RelayFrom(const RelayWords& words) {
  if (!words.wanted) return nullptr;
  return [options = words.options](const std::atomic<bool>& stop) {
    return relay::Run(options, stop);
  };
}

void AddRelayWords(CLI::App& command, RelayWords& words) {
  relay::RelayOptions& options = words.options;
  options.status_socket = relay::kStatusSocket;
  options.notify = false;
  CLI::Option* wanted = command.add_flag(
      "--relay", words.wanted, "Also serve time to NTP clients on port 123, as 'relay run' does");
  command
      .add_option("--relay-listen", options.listen,
                  "An address of this machine for the relay (repeatable) [all, IPv4 and IPv6]")
      ->type_name("ADDRESS")
      ->needs(wanted);
  command
      .add_option("--relay-port", options.port,
                  "The relay's UDP port; 0: any free one, see the log")
      ->capture_default_str()
      ->needs(wanted);
  command
      .add_option("--relay-upstream", options.upstreams,
                  "A server that the relay takes time from (repeatable) [none: the system clock]")
      ->type_name("HOST")
      ->needs(wanted);
  command
      .add_option("--relay-allow", options.allow,
                  "The relay answers this network (repeatable) [this machine and private networks]")
      ->type_name("NETWORK")
      ->needs(wanted);
  command
      .add_option("--relay-status-socket", options.status_socket,
                  "Where 'fleetsync relay status' asks; empty: nowhere")
      ->type_name("FILE")
      ->capture_default_str()
      ->needs(wanted);
}

int RunServe(const Context& context, serve::ServeOptions options) {
  options.load_fleet = [&context] { return LoadFleet(context); };
  options.tunnels = TunnelsOverSsh(context);
  options.db_path = DbPath(context.options);
  options.ca_folder = CaFolder(context.options);
  const Status status = serve::Serve(options, *context.stop);
  if (status.ok()) return kAllWell;
  PrintError(Message(status));
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ? kUsage
                                                                               : kHostFailed;
}

}  // namespace

void AddServe(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("serve", kHelp);
  auto options = std::make_shared<serve::ServeOptions>();
  command->add_option("--listen", options->listen, "Where agents connect to; port 0: any free one")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command->add_flag("--insecure", options->plain_text.insecure,
                    "Take reports in plain text and from anybody, on a loopback address");
  command->add_flag("--insecure-network", options->plain_text.insecure_network,
                    "With --insecure: also on an address that other machines reach. On a closed "
                    "network only: whoever reaches the port can report for any host");
  command->add_option("--port-file", options->port_file, "Write the port that was bound here")
      ->type_name("FILE");
  auto relay = std::make_shared<RelayWords>();
  AddRelayWords(*command, *relay);
  auto probes = std::make_shared<bool>(false);
  command
      ->add_option_function<std::string>(
          "--probe-interval",
          [options, probes](const std::string& text) {
            const StatusOr<Duration> parsed = ParseDuration(text);
            if (!parsed.ok() || *parsed < kShortestProbing)
              throw CLI::ValidationError("--probe-interval", "a time of 10s at least, as 5min");
            options->probe_interval = *parsed;
            *probes = true;
          },
          "Look at hosts without an agent over SSH, as 'status --live' does, this often [never]")
      ->type_name("DURATION");
  command->callback([options, relay, probes, &action] {
    options->relay = RelayFrom(*relay);
    action = [options, probes](const Context& context) {
      if (*probes) options->probe = ProbeOverSsh(context);
      return RunServe(context, *options);
    };
  });
}

}  // namespace fleetsync::cli
