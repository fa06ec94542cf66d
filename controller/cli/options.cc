#include "controller/cli/options.h"

#include "CLI/CLI.hpp"
#include "base/time_text.h"

namespace fleetsync::cli {
namespace {

OutputFormat ToFormat(const std::string& text) {
  if (text == "table") return OutputFormat::kTable;
  if (text == "json") return OutputFormat::kJson;
  if (text == "csv") return OutputFormat::kCsv;
  if (text == "prometheus") return OutputFormat::kPrometheus;
  throw CLI::ValidationError("--output", "'" + text + "' is no format; write table or json");
}

}  // namespace

CLI::Option* AddDuration(CLI::App& app, const std::string& name, Duration& value,
                         const std::string& help) {
  return app
      .add_option_function<std::string>(
          name,
          [&value, name](const std::string& text) {
            StatusOr<Duration> parsed = ParseDuration(text);
            if (!parsed.ok()) throw CLI::ValidationError(name, Message(parsed.status()));
            value = *parsed;
          },
          help + " [" + FormatDuration(value) + "]")
      ->type_name("DURATION");
}

void AddCommonOptions(CLI::App& app, CommonOptions& options) {
  app.add_option("-i,--inventory", options.inventory_path,
                 "Inventory: fleet.yaml or servers.txt [$FLEETSYNC_INVENTORY, ./fleet.yaml, "
                 "./servers.txt, /etc/fleetsync/fleet.yaml]")
      ->type_name("FILE");
  app.add_option("-g,--group", options.selection.groups,
                 "Only the hosts of this group (repeatable)")
      ->type_name("GROUP")
      ->take_all();
  app.add_option("-l,--limit", options.selection.limits,
                 "Only these hosts: 'web[01-20],!web07', 'db*', '@web&eu*'")
      ->type_name("HOSTS")
      ->take_all();
  app.add_option("-x,--exclude", options.selection.excludes, "Not these hosts")
      ->type_name("HOSTS")
      ->take_all();
  app.add_flag("--failed", options.failed_only, "Only the hosts that failed in the last run");
  app.add_option("-f,--forks", options.forks, "Connections being set up at once")
      ->type_name("N")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  AddDuration(app, "--timeout", options.timeout, "Longest that one command may take on a host");
  AddDuration(app, "--connect-timeout", options.connect_timeout,
              "Longest that a connection may take to come up");
  app.add_option("--db", options.db_path,
                 "Database of reports [$FLEETSYNC_DB, /var/lib/fleetsync/fleetsync.db for root]")
      ->type_name("FILE");
  app.add_option_function<std::string>(
         "-o,--output", [&options](const std::string& text) { options.output = ToFormat(text); },
         "How results are printed: table or json; status also as csv or prometheus [table]")
      ->type_name("FORMAT");
  app.add_flag("-v,--verbose", options.verbose, "Say what happens on each host");
  app.add_flag("--no-color", options.no_color, "No colours (also: NO_COLOR in the environment)");
  app.add_flag("--accept-new", options.accept_new,
               "Add the keys of hosts never seen before to known_hosts; a changed key still fails");
  app.add_flag("--allow-readable-passwords", options.allow_readable_passwords,
               "Use a file with passwords although others can read it");
  app.add_option("--ssh-config", options.ssh_config_file, "Instead of ~/.ssh/config")
      ->type_name("FILE");
}

}  // namespace fleetsync::cli
