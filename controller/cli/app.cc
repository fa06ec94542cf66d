#include "controller/cli/app.h"

#include "CLI/CLI.hpp"
#include "controller/cli/help.h"
#include "controller/cli/options.h"

namespace fleetsync::cli {
namespace {

void AddCommands(CLI::App& app, Action& action) {
  AddInventory(app, action);
  AddExec(app, action);
  AddFacts(app, action);
  AddSyncAll(app, action);
  AddPush(app, action);
  AddPlan(app, action);
  AddRollback(app, action);
  AddRuns(app, action);
  AddAgent(app, action);
  AddServe(app, action);
  AddRelay(app, action);
  AddStatus(app, action);
  AddHistory(app, action);
  AddDb(app, action);
  AddDoctor(app, action);
  AddSources(app, action);
  AddTracking(app, action);
}

// So that the common options work after a command's name as well, and after a command's command.
void TakeCommonOptionsAnywhere(CLI::App& app) {
  app.fallthrough();
  for (CLI::App* command : app.get_subcommands({})) TakeCommonOptionsAnywhere(*command);
}

constexpr const char* kAbout =
    "fleetsync keeps the clocks of a fleet of servers in step.\n\n"
    "  fleetsync inventory check               is the list of hosts right?\n"
    "  fleetsync sync-all                      set every clock once, now\n"
    "  fleetsync push --group web --check      what would change on these hosts?\n"
    "  fleetsync push --group web              give them their time configuration\n"
    "  fleetsync status --live                 every host's offset, read over SSH\n"
    "  fleetsync history web01                 how its offset went\n"
    "  fleetsync COMMAND --help                all of a command, with examples\n";

}  // namespace

std::unique_ptr<CLI::App> MakeApp(Context& context, Action& action) {
  auto app = std::make_unique<CLI::App>(kAbout, "fleetsync");
  app->set_version_flag("--version", "fleetsync " FLEETSYNC_VERSION);
  app->require_subcommand(1);
  app->formatter(std::make_shared<HelpFormatter>());
  app->get_formatter()->column_width(34);
  AddCommonOptions(*app, context.options);
  AddCommands(*app, action);
  TakeCommonOptionsAnywhere(*app);
  return app;
}

}  // namespace fleetsync::cli
