#include "controller/relay/relay.h"

#include <memory>

#include "CLI/CLI.hpp"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/options.h"
#include "controller/relay/status.h"
#include "controller/relay/status_socket.h"
#include "fmt/format.h"

namespace fleetsync::cli {
namespace {

constexpr const char* kRunHelp =
    "Serve time to NTP clients until SIGTERM or Ctrl-C.\n\n"
    "The time is that of the upstream servers, measured by this program, which does not set the "
    "clock; without --upstream it is the system clock, which another daemon on this machine keeps. "
    "While there is no time to be believed, clients are told so, or get this machine's own time at "
    "--local-stratum.\n\n"
    "  fleetsync relay run --upstream 0.pool.ntp.org --upstream 1.pool.ntp.org --allow 10.0.0.0/8\n"
    "  fleetsync relay run --local-stratum 10\n"
    "  fleetsync relay run --listen 192.0.2.1 --allow all --rate-limit 2s\n";

constexpr const char* kStatusHelp =
    "What the relay on this machine serves, to whom, and how often.\n\n"
    "  fleetsync relay status\n"
    "  fleetsync relay status -o json\n";

int RunRelay(const Context& context, relay::RelayOptions options) {
  options.verbose = context.options.verbose;
  const Status status = relay::Run(options, *context.stop);
  if (status.ok()) return kAllWell;
  PrintError(Message(status));
  return absl::IsInvalidArgument(status) ? kUsage : kHostFailed;
}

int ShowStatus(const Context& context, const std::string& socket) {
  StatusOr<std::string> text = relay::AskStatus(socket);
  if (text.ok() && !context.json()) text = relay::StatusTable(*text);
  if (!text.ok()) {
    PrintError(Message(text.status()));
    return kHostFailed;
  }
  fmt::print("{}", *text);
  return kAllWell;
}

void AddRun(CLI::App& relay, Action& action) {
  CLI::App* command = relay.add_subcommand("run", kRunHelp);
  auto options = std::make_shared<relay::RelayOptions>();
  options->status_socket = relay::kStatusSocket;
  command
      ->add_option("--listen", options->listen,
                   "An address of this machine (repeatable) [all, IPv4 and IPv6]")
      ->type_name("ADDRESS");
  command->add_option("--port", options->port, "UDP port")->capture_default_str();
  command
      ->add_option("--upstream", options->upstreams,
                   "A server to take time from (repeatable) [none: the system clock]")
      ->type_name("HOST");
  command
      ->add_option(
          "--peer", options->peers,
          "Another relay of this site (repeatable): while no upstream answers, the one with "
          "the lowest address is followed by the others")
      ->type_name("HOST")
      ->needs("--upstream");
  command
      ->add_option("--allow", options->allow,
                   "Answer this network (repeatable): 10.0.0.0/8, 2001:db8::/32, all [this machine "
                   "and private networks]. The longest prefix decides")
      ->type_name("NETWORK");
  command->add_option("--deny", options->deny, "Do not answer this network (repeatable)")
      ->type_name("NETWORK");
  command
      ->add_option("--local-stratum", options->local_stratum,
                   "Serve this machine's own time at this stratum while there is no better")
      ->type_name("N")
      ->check(CLI::Range(1, 15));
  AddDuration(*command, "--local-after", options->local_after,
              "After the start, time to find a better one in before --local-stratum counts");
  command
      ->add_option("--keys", options->key_file,
                   "Keys of clients that authenticate, as chrony.keys [none]")
      ->type_name("FILE");
  AddDuration(*command, "--rate-limit", options->limit.interval,
              "A client may ask once in this time on average; 0 s: as often as it likes");
  command
      ->add_option("--rate-burst", options->limit.burst,
                   "Requests that a client may send at once after a rest")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--workers", options->workers, "Threads that answer, for each address")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      ->add_option("--status-socket", options->status_socket,
                   "Where 'fleetsync relay status' asks; empty: nowhere")
      ->type_name("FILE")
      ->capture_default_str();
  command->callback([options, &action] {
    action = [options](const Context& context) { return RunRelay(context, *options); };
  });
}

void AddStatusOf(CLI::App& relay, Action& action) {
  CLI::App* command = relay.add_subcommand("status", kStatusHelp);
  auto socket = std::make_shared<std::string>(relay::kStatusSocket);
  command->add_option("--status-socket", *socket, "The relay's, as it was told to 'relay run'")
      ->type_name("FILE")
      ->capture_default_str();
  command->callback([socket, &action] {
    action = [socket](const Context& context) { return ShowStatus(context, *socket); };
  });
}

}  // namespace

void AddRelay(CLI::App& app, Action& action) {
  CLI::App* relay = app.add_subcommand("relay", "Serve time to NTP clients from this machine.");
  relay->require_subcommand(1);
  AddRun(*relay, action);
  AddStatusOf(*relay, action);
}

}  // namespace fleetsync::cli
