#include "CLI/CLI.hpp"
#include "agent/cli/run.h"

namespace {

constexpr char kDescription[] =
    "Measures this host's clock against NTP servers and reports to the fleetsync controller.";

void AddRunOptions(CLI::App& run, fleetsync::agent::RunOptions& options) {
  run.add_option("-c,--config", options.config_file,
                 "Configuration (default: /etc/fleetsync/agent.conf)")
      ->type_name("FILE");
  run.add_option("--server", options.servers,
                 "Measure against this server instead of the file's: ADDRESS[,iburst][,minpoll=N]"
                 "[,maxpoll=N][,port=N]; may be repeated")
      ->type_name("SERVER")
      ->expected(1)
      ->take_all();
  run.add_flag("--query", options.query,
               "Measure once, print a table and end; exit code 4 when no majority of the servers "
               "can be believed");
  run.add_flag("--no-report", options.no_report,
               "The time process alone, in the foreground: no reporter, no file is written");
  run.add_option(
         "--user", options.user,
         "Whom the reporter runs as (default: fleetsync when that user exists, else nobody)")
      ->type_name("NAME");
}

void AddReporterOptions(CLI::App& reporter, fleetsync::agent::ReporterOptions& options) {
  reporter.add_option("--controller", options.controller)->required();
  reporter.add_option("--host", options.host)->required();
  reporter.add_option("--spool", options.spool)->required();
  reporter.add_option("--user", options.user)->required();
  reporter.add_option("--socket", options.socket)->required();
  reporter.add_option("--parent", options.parent)->required();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kDescription, "fleetsync-agent");
  app.set_version_flag("--version", "fleetsync-agent " FLEETSYNC_VERSION);
  app.require_subcommand(1);
  fleetsync::agent::RunOptions run_options;
  CLI::App* const run = app.add_subcommand("run", "Measure and report, in the foreground");
  AddRunOptions(*run, run_options);
  fleetsync::agent::ReporterOptions reporter_options;
  CLI::App* const reporter = app.add_subcommand("reporter", "Started by run alone");
  reporter->group("");  // not in the help
  AddReporterOptions(*reporter, reporter_options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (reporter->parsed()) return fleetsync::agent::RunAsReporter(reporter_options);
  return fleetsync::agent::Run(run_options);
}
