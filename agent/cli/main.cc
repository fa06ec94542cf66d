#include "CLI/CLI.hpp"
#include "agent/cli/run.h"

namespace {

constexpr char kDescription[] =
    "Keeps this host's clock by NTP servers, or only measures it, and reports to the fleetsync "
    "controller.";

using fleetsync::agent::RunOptions;

// An option that says the same as a directive of agent.conf.
void AddDirective(CLI::App& run, RunOptions& options, const char* names, const char* directive,
                  const char* type, const char* help) {
  const auto keep = [&options, directive](const std::string& value) {
    options.directives.emplace_back(directive, value);
  };
  run.add_option_function<std::string>(names, keep, help)->type_name(type);
}

void AddFlagDirective(CLI::App& run, RunOptions& options, const char* names, const char* directive,
                      const char* help) {
  run.add_flag_callback(
      names, [&options, directive] { options.directives.emplace_back(directive, ""); }, help);
}

void AddSourceOptions(CLI::App& run, RunOptions& options) {
  run.add_option("-c,--config", options.config_file,
                 "Configuration (default: /etc/fleetsync/agent.conf)")
      ->type_name("FILE");
  run.add_option(
         "--server", options.servers,
         "Use this server instead of the file's: ADDRESS[,OPTION]... with iburst, prefer, "
         "trust, noselect, fallback, smear, peer, xleave, minpoll=N, maxpoll=N, port=N, key=N, "
         "maxdelay=T, offset=T; may be repeated")
      ->type_name("SERVER")
      ->expected(1)
      ->take_all();
  run.add_option("--minpoll", options.minpoll,
                 "Shortest interval between requests to every server, log2 seconds (default: 6)")
      ->type_name("N")
      ->check(CLI::Range(0, 17));
  run.add_option("--maxpoll", options.maxpoll, "Longest interval (default: 10)")
      ->type_name("N")
      ->check(CLI::Range(0, 17));
  AddDirective(run, options, "--timestamping", "timestamping", "WHO",
               "Who reads the clock when packets come and go: kernel (default) or user");
}

void AddModeOptions(CLI::App& run, RunOptions& options) {
  CLI::Option* const query =
      run.add_flag("--query", options.query,
                   "Measure once, print a table and end; exit code 4 when no majority of the "
                   "servers can be believed");
  run.add_option_function<std::string>(
         "-o,--output", [&options](const std::string& format) { options.json = format == "json"; },
         "What --query prints: text (default) or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json"}))
      ->needs(query);
  run.add_flag(
         "--once", options.once,
         "Measure, set the clock once (stepped from 128 ms on, slewed below, which takes half "
         "a minute) and end; exit code 4 when no majority of the servers can be believed")
      ->excludes(query);
  AddFlagDirective(run, options, "-s,--slew-only", "slew-only", "Never step the clock");
  AddFlagDirective(run, options, "--no-clock-control", "no-clock-control",
                   "Measure and report alone; where another program keeps the clock");
  AddDirective(run, options, "--observe", "observe", "DAEMON",
               "Whose word is reported where another program keeps the clock: auto (default with "
               "--no-clock-control), chrony, ntp, openntpd, timesyncd or none");
  run.add_flag("--force", options.force,
               "Set the clock although another program on this host does, for example a chronyd of "
               "a container");
  run.add_flag("--no-report", options.no_report,
               "The time process alone, in the foreground: no reporter, no reports on disk");
}

void AddProcessOptions(CLI::App& run, RunOptions& options) {
  AddDirective(run, options, "--keys", "keyfile", "FILE",
               "Keys as in chrony.keys(5), for servers with key=N");
  AddDirective(run, options, "--drift", "driftfile", "FILE",
               "Where the clock's frequency is kept over restarts (default: drift in state-dir)");
  AddDirective(run, options, "--user", "user", "NAME",
               "Whom the agent runs as instead of root (default: the time process as _fleetsync, "
               "the reporter as fleetsync or nobody); root: the time process gives up nothing");
  AddDirective(
      run, options, "--seccomp", "seccomp", "ACTION",
      "What a system call does that keeping a clock does not take: fail (default), kill or "
      "off");
  run.add_flag_callback(
      "--no-seccomp", [&options] { options.directives.emplace_back("seccomp", "off"); },
      "As --seccomp off: for simulators and debuggers");
  AddDirective(run, options, "--allow", "allow", "NETWORK",
               "Serve time to it: 10.0.0.0/8, one address, or all; may be repeated (default: to "
               "those whom the configuration allows)");
  AddDirective(run, options, "--port", "port", "N",
               "The port to serve time on (default: 123); 0: serve nobody");
}

void AddRunOptions(CLI::App& run, RunOptions& options) {
  AddSourceOptions(run, options);
  AddModeOptions(run, options);
  AddProcessOptions(run, options);
}

void AddReporterOptions(CLI::App& reporter, fleetsync::agent::ReporterOptions& options) {
  reporter.add_option("--controller", options.controller)->required();
  reporter.add_option("--host", options.host)->required();
  reporter.add_option("--spool", options.spool)->required();
  reporter.add_option("--tls", options.tls);
  reporter.add_option("--user", options.user)->required();
  reporter.add_option("--socket", options.socket)->required();
  reporter.add_option("--parent", options.parent)->required();
  reporter.add_flag("--clock-controlled", options.clock_controlled);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kDescription, "fleetsync-agent");
  app.set_version_flag("--version", "fleetsync-agent " FLEETSYNC_VERSION);
  app.require_subcommand(1);
  RunOptions run_options;
  CLI::App* const run = app.add_subcommand("run", "Keep the clock and report, in the foreground");
  AddRunOptions(*run, run_options);
  std::string checked_file;
  bool check_clock = false;
  bool check_serving = false;
  CLI::App* const check =
      app.add_subcommand("check", "Check a configuration, or the clock, and touch nothing");
  CLI::Option_group* const checked = check->add_option_group("what");
  checked->add_option("-c,--config", checked_file, "Say what is wrong with this file; exit code 2")
      ->type_name("FILE");
  checked->add_flag("--clock", check_clock,
                    "Exit code 4 when the kernel does not count the clock as synchronised");
  checked->add_flag("--serving", check_serving,
                    "Exit code 4 when this host's time server is not synchronised, 1 when there is "
                    "none");
  checked->require_option(1);
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
  if (check_clock) return fleetsync::agent::CheckClock();
  if (check_serving) return fleetsync::agent::CheckServing();
  if (check->parsed()) return fleetsync::agent::CheckConfig(checked_file);
  return fleetsync::agent::Run(run_options);
}
