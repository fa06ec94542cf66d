#include "controller/cli/status.h"

#include <cstdio>
#include <map>
#include <memory>

#include "CLI/CLI.hpp"
#include "base/clock_read.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/options.h"
#include "controller/status/fleet_text.h"
#include "controller/status/stored_fleet.h"
#include "db/reader.h"

namespace fleetsync::cli {
namespace {

constexpr const char* kHelp =
    "Which clocks are right: every host's offset, its error bound and its source, worst first.\n\n"
    "Without --live from the agents' last reports, as 'fleetsync serve' has stored them; a host "
    "whose "
    "report is older than --stale is stale, never synced. With --live every host is asked over "
    "SSH, "
    "whatever time daemon runs there.\n\n"
    "OFFSET is what must be added to the host's clock to be right; with its bound it must lie "
    "within "
    "the host's tolerance (time: tolerance in fleet.yaml).\n\n"
    "  fleetsync status\n"
    "  fleetsync status --live --group web\n"
    "  fleetsync status -o json | jq '.hosts[] | select(.state != \"synced\") | .host'\n\n"
    "Exit code: 0 every host synced; 4 a clock out of tolerance or unsynchronised; 1 a host stale, "
    "silent or unreachable.\n";

int RunStoredStatus(const Context& context, const StatusOptions& options) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  const StatusOr<std::unique_ptr<db::Reader>> reader = db::Reader::Open(DbPath(context.options));
  if (!reader.ok()) {
    PrintError(Message(reader.status()) + "; 'fleetsync status --live' needs none");
    return kHostFailed;
  }
  const StatusOr<std::vector<db::HostRecord>> records = (*reader)->Fleet();
  if (!records.ok()) {
    PrintError(Message(records.status()));
    return kHostFailed;
  }
  return ShowFleet(context, status::BuildFleetView(status::StoredFleet(chosen->hosts, *records),
                                                   ReadClocks().system, options.view));
}

}  // namespace

int ShowFleet(const Context& context, const status::FleetView& view) {
  const std::string text =
      context.json() ? status::FleetJson(view) : status::FormatFleet(view, context.color);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return status::ExitCodeOf(view);
}

void AddStatus(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("status", kHelp);
  auto options = std::make_shared<StatusOptions>();
  command->add_flag("--live", options->live,
                    "Ask every host over SSH instead of reading the store");
  AddDuration(*command, "--stale", options->view.stale,
              "A host whose last report is older than this is stale");
  command
      ->add_option("--sort", options->view.sort,
                   "worst (by state, then by offset and bound), offset or name [worst]")
      ->type_name("ORDER")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, status::Sort>{{"worst", status::Sort::kWorst},
                                              {"offset", status::Sort::kOffset},
                                              {"name", status::Sort::kName}},
          CLI::ignore_case));
  command->callback([options, &action] {
    action = [options](const Context& context) {
      return options->live ? RunLiveStatus(context, *options) : RunStoredStatus(context, *options);
    };
  });
}

}  // namespace fleetsync::cli
