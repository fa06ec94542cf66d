#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "CLI/CLI.hpp"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/help.h"
#include "controller/cli/options.h"

namespace {

using namespace fleetsync::cli;

// The one thing a signal handler shares with the program.
std::atomic<bool> stop_requested{false};

extern "C" void OnStopSignal(int signal_number) {
  stop_requested = true;
  signal(signal_number, SIG_DFL);  // the second Ctrl-C ends the program at once
}

void InstallSignalHandlers() {
  struct sigaction action {};
  action.sa_handler = OnStopSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool WantsColor(const CommonOptions& options) {
  const char* no_color = getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  const char* terminal = getenv("TERM");      // NOLINT(concurrency-mt-unsafe)
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  return !options.no_color && (no_color == nullptr || *no_color == '\0') && !dumb &&
         isatty(STDOUT_FILENO) == 1;
}

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
  AddStatus(app, action);
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
    "  fleetsync COMMAND --help                all of a command, with examples\n";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout, "fleetsync");
  app.set_version_flag("--version", "fleetsync " FLEETSYNC_VERSION);
  app.require_subcommand(1);
  app.formatter(std::make_shared<HelpFormatter>());
  app.get_formatter()->column_width(34);
  Context context;
  Action action;
  AddCommonOptions(app, context.options);
  AddCommands(app, action);
  TakeCommonOptionsAnywhere(app);
  // Not for CLI11, which takes a word like "[ -f /etc/ntp.conf ]" for a list.
  char** const end = std::find(argv, argv + argc, std::string_view("--"));
  if (end != argv + argc) context.command_words.assign(end + 1, argv + argc);
  try {
    app.parse(static_cast<int>(end - argv), argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    PrintError(DescribeParseError(app, error));
    return kUsage;
  }
  if (!context.command_words.empty() && !app.got_subcommand("exec")) {
    PrintError("words after -- are the command of 'exec'; write what was meant before it");
    return kUsage;
  }
  InstallSignalHandlers();
  context.stop = &stop_requested;
  context.color = WantsColor(context.options);
  return action(context);
}
