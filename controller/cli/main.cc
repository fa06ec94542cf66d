#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "CLI/CLI.hpp"
#include "controller/cli/app.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/help.h"
#include "inventory/load.h"

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

}  // namespace

int main(int argc, char** argv) {
  Context context;
  Action action;
  const std::unique_ptr<CLI::App> app = MakeApp(context, action);
  // Not for CLI11, which takes a word like "[ -f /etc/ntp.conf ]" for a list.
  char** const end = std::find(argv, argv + argc, std::string_view("--"));
  if (end != argv + argc) context.command_words.assign(end + 1, argv + argc);
  try {
    app->parse(static_cast<int>(end - argv), argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app->exit(error);  // --help, --version
    PrintError(DescribeParseError(*app, error));
    return kUsage;
  }
  if (!context.command_words.empty() && !app->got_subcommand("exec")) {
    PrintError("words after -- are the command of 'exec'; write what was meant before it");
    return kUsage;
  }
  const OutputFormat format = context.options.output;
  if ((format == OutputFormat::kCsv || format == OutputFormat::kPrometheus) &&
      !app->got_subcommand("status")) {
    PrintError("only 'status' is printed as csv or prometheus; write -o json");
    return kUsage;
  }
  if (context.options.ssh_config_file.empty())
    context.options.ssh_config_file =
        fleetsync::inventory::SshConfigOfInventory(context.options.inventory_path);
  InstallSignalHandlers();
  context.stop = &stop_requested;
  context.color = WantsColor(context.options);
  return action(context);
}
