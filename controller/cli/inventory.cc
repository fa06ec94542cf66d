#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/ui/table.h"
#include "fmt/format.h"
#include "inventory/check.h"
#include "inventory/host_set.h"
#include "inventory/load.h"
#include "inventory/to_yaml.h"
#include "inventory/variables.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

using inventory::Diagnostic;
using inventory::Host;
using inventory::Variable;
using nlohmann::ordered_json;
using Row = std::vector<std::string>;

void Print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void Print(const ordered_json& document) {
  Print(document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
}

std::string_view RoleName(const Host& host) {
  return host.role == inventory::Role::kRelay ? "relay" : "client";
}

const std::string& AddressOf(const Host& host) {
  return host.connection.address.empty() ? host.name : host.connection.address;
}

// ---- list

ordered_json ListJson(const std::vector<const Host*>& hosts) {
  ordered_json list = ordered_json::array();
  for (const Host* host : hosts) {
    ordered_json entry = {{"host", host->name}, {"address", AddressOf(*host)}};
    entry["user"] = nullptr;
    entry["port"] = nullptr;
    if (!host->connection.user.empty()) entry["user"] = host->connection.user;
    if (host->connection.port) entry["port"] = *host->connection.port;
    entry["role"] = RoleName(*host);
    entry["groups"] = host->groups;
    list.push_back(std::move(entry));
  }
  return {{"hosts", std::move(list)}};
}

std::string ListTable(const std::vector<const Host*>& hosts) {
  const std::vector<ui::Column> columns = {
      {"HOST"}, {"ADDRESS"}, {"USER"}, {"PORT", ui::Align::kRight}, {"ROLE"}, {"GROUPS"}};
  std::vector<Row> rows;
  for (const Host* host : hosts) {
    const inventory::Connection& connection = host->connection;
    rows.push_back({host->name, AddressOf(*host), connection.user.empty() ? "-" : connection.user,
                    connection.port ? fmt::format("{}", *connection.port) : "-",
                    std::string(RoleName(*host)),
                    host->groups.empty() ? "-" : Join(host->groups, ",")});
  }
  return ui::FormatTable(columns, rows);
}

int List(const Context& context) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  if (context.json())
    Print(ListJson(chosen->hosts));
  else
    Print(ListTable(chosen->hosts));
  return kAllWell;
}

// ---- show

ordered_json ShowJson(const Host& host) {
  ordered_json variables = ordered_json::object();
  for (const auto& [key, variable] : inventory::AllVariables(host)) {
    ordered_json entry = {{"value", variable.text}, {"from", variable.from}};
    if (variable.origin.line > 0) {
      entry["file"] = variable.origin.file;
      entry["line"] = variable.origin.line;
      entry["column"] = variable.origin.column;
    }
    variables[key] = std::move(entry);
  }
  return {{"host", host.name},
          {"role", RoleName(host)},
          {"groups", host.groups},
          {"variables", std::move(variables)}};
}

std::string ShowTable(const Host& host, bool color) {
  std::string text =
      fmt::format("host    {}\nrole    {}\ngroups  {}\n\n", host.name, RoleName(host),
                  host.groups.empty() ? "none" : Join(host.groups, ", ") + " (strongest first)");
  const std::vector<ui::Column> columns = {{"KEY"}, {"VALUE"}, {"FROM"}, {"WHERE"}};
  std::vector<Row> rows;
  const std::map<std::string, Variable> all = inventory::AllVariables(host);
  for (const inventory::Key& key : inventory::Keys()) {
    const auto found = all.find(std::string(key.name));
    if (found == all.end()) continue;
    const Variable& variable = found->second;
    const bool built_in = variable.origin.line == 0;
    rows.push_back({found->first, Printable(variable.text),
                    built_in ? ui::Styled(variable.from, ui::Style::kDim, color) : variable.from,
                    ToString(variable.origin)});
  }
  if (const auto password = all.find("password"); password != all.end())
    rows.push_back({"password", password->second.text, password->second.from,
                    ToString(password->second.origin)});
  return text + ui::FormatTable(columns, rows);
}

int Show(Context context, const std::vector<std::string>& patterns) {
  std::vector<std::string>& limits = context.options.selection.limits;
  limits.insert(limits.end(), patterns.begin(), patterns.end());
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  if (context.json()) {
    ordered_json hosts = ordered_json::array();
    for (const Host* host : chosen->hosts) hosts.push_back(ShowJson(*host));
    Print(ordered_json{{"hosts", std::move(hosts)}});
    return kAllWell;
  }
  for (const Host* host : chosen->hosts) {
    if (host != chosen->hosts.front()) Print(std::string("\n"));
    Print(ShowTable(*host, context.color));
  }
  return kAllWell;
}

// ---- check

struct Counts {
  size_t errors = 0, warnings = 0;
};

Counts CountOf(const inventory::Diagnostics& diagnostics) {
  Counts counts;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity == Diagnostic::Severity::kError)
      ++counts.errors;
    else
      ++counts.warnings;
  }
  return counts;
}

std::string Counted(size_t count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

ordered_json CheckJson(const inventory::Loaded& loaded) {
  const Counts counts = CountOf(loaded.diagnostics);
  ordered_json list = ordered_json::array();
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    const bool error = diagnostic.severity == Diagnostic::Severity::kError;
    list.push_back({{"severity", error ? "error" : "warning"},
                    {"file", diagnostic.where.file},
                    {"line", diagnostic.where.line},
                    {"column", diagnostic.where.column},
                    {"what", diagnostic.what},
                    {"hint", diagnostic.hint}});
  }
  return {{"file", loaded.inventory.path},
          {"hosts", loaded.inventory.hosts.size()},
          {"groups", loaded.inventory.groups.size()},
          {"relays", loaded.inventory.Relays().size()},
          {"errors", counts.errors},
          {"warnings", counts.warnings},
          {"diagnostics", std::move(list)}};
}

std::string CheckText(const inventory::Loaded& loaded) {
  std::string text;
  for (const Diagnostic& diagnostic : loaded.diagnostics) text += ToString(diagnostic) + "\n";
  const inventory::Inventory& inventory = loaded.inventory;
  const Counts counts = CountOf(loaded.diagnostics);
  text += fmt::format("{}: ", inventory.path);
  if (counts.errors == 0)
    text += fmt::format("{}, {}, {}; ", Counted(inventory.hosts.size(), "host"),
                        Counted(inventory.groups.size(), "group"),
                        Counted(inventory.Relays().size(), "relay"));
  return text + fmt::format("{}, {}\n", Counted(counts.errors, "error"),
                            Counted(counts.warnings, "warning"));
}

int Check(const Context& context, bool strict) {
  std::string path = context.options.inventory_path;
  if (path.empty()) {
    StatusOr<std::string> found = inventory::DefaultPath();
    if (!found.ok()) {
      PrintError(Message(found.status()));
      return kUsage;
    }
    path = *std::move(found);
  }
  StatusOr<inventory::Loaded> loaded =
      inventory::Load(path, {.allow_readable_passwords = context.options.allow_readable_passwords});
  if (!loaded.ok()) {
    PrintError(Message(loaded.status()));
    return kUsage;
  }
  if (loaded->ok()) {
    const inventory::Diagnostics more = inventory::Check(loaded->inventory);
    loaded->diagnostics.insert(loaded->diagnostics.end(), more.begin(), more.end());
    SortByPlace(loaded->diagnostics);
  }
  if (context.json())
    Print(CheckJson(*loaded));
  else
    Print(CheckText(*loaded));
  const bool well = loaded->ok() && (!strict || loaded->diagnostics.empty());
  return well ? kAllWell : kUsage;
}

// ---- commands

void AddList(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "list",
      "The hosts of the inventory, or those that --group, --limit and --exclude choose.\n\n"
      "  fleetsync inventory list\n"
      "  fleetsync inventory list -g web -l '!web07.example'\n"
      "  fleetsync inventory list -o json");
  command->callback([&action] { action = List; });
}

void AddShow(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "show",
      "Every value of a host, and where it comes from. Secrets are not shown.\n\n"
      "  fleetsync inventory show web07.example\n"
      "  fleetsync inventory show web07.example -o json");
  auto patterns = std::make_shared<std::vector<std::string>>();
  command->add_option("HOST", *patterns, "Host name, or patterns as --limit takes them")
      ->required();
  command->callback([&action, patterns] {
    action = [patterns](const Context& context) { return Show(context, *patterns); };
  });
}

void AddCheck(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "check",
      "Everything that is wrong in the inventory, and what is unwise in the fleet: too few relays\n"
      "or upstreams, clients without time servers. Contacts nobody. Exit code 2 on errors.\n\n"
      "  fleetsync inventory check\n"
      "  fleetsync inventory check -i servers.txt --strict");
  auto strict = std::make_shared<bool>(false);
  command->add_flag("--strict", *strict, "Exit code 2 on warnings too");
  command->callback([&action, strict] {
    action = [strict](const Context& context) { return Check(context, *strict); };
  });
}

void AddConvert(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "convert",
      "Prints the inventory as fleet.yaml, whatever it was read from (servers.txt, Ansible's\n"
      "inventories, ssh_config): the same hosts, groups and values. Passwords are not copied; a\n"
      "comment says what to do.\n\n"
      "  fleetsync -i servers.txt inventory convert >fleet.yaml");
  command->callback([&action] {
    action = [](const Context& context) {
      const std::optional<inventory::Inventory> inventory = LoadInventory(context);
      if (!inventory) return static_cast<int>(kUsage);
      const std::string text = inventory::ToFleetYaml(*inventory);
      std::fwrite(text.data(), 1, text.size(), stdout);
      return static_cast<int>(kAllWell);
    };
  });
}

}  // namespace

void AddInventory(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "inventory",
      "What the inventory says: which hosts there are, how to reach them, what is wrong with it.\n"
      "docs/inventory.md describes the formats.\n\n"
      "  fleetsync inventory check\n"
      "  fleetsync inventory list -g web\n"
      "  fleetsync inventory show web07.example\n"
      "  fleetsync -i servers.txt inventory convert >fleet.yaml");
  command->require_subcommand(1);
  AddList(*command, action);
  AddShow(*command, action);
  AddCheck(*command, action);
  AddConvert(*command, action);
  for (CLI::App* one : command->get_subcommands({})) one->fallthrough();
}

}  // namespace fleetsync::cli
