#include "controller/cli/context.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <set>

#include "base/text.h"
#include "controller/cli/last_run.h"
#include "inventory/load.h"

namespace fleetsync::cli {
namespace {

std::string Environment(const char* name) {
  const char* value = getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread starts
  return value == nullptr ? "" : value;
}

std::string StateHome() {
  if (const std::string state = Environment("XDG_STATE_HOME"); !state.empty()) return state;
  return Environment("HOME") + "/.local/state";
}

// Leaves those of `hosts` that failed in the last run; false when there is none, and why is said.
bool KeepFailed(const CommonOptions& options, std::vector<const inventory::Host*>& hosts) {
  const StatusOr<std::vector<std::string>> failed = LastFailed(options);
  if (!failed.ok()) {
    PrintError(Message(failed.status()));
    return false;
  }
  const std::set<std::string_view> names(failed->begin(), failed->end());
  std::erase_if(hosts,
                [&names](const inventory::Host* host) { return !names.contains(host->name); });
  if (hosts.empty()) PrintError("--failed: none of the chosen hosts failed in the last run");
  return !hosts.empty();
}

}  // namespace

void PrintError(const std::string& text) {
  std::fprintf(stderr, "fleetsync: %s\n", Printable(text).c_str());
}

std::string DefaultDbPath() {
  if (const std::string path = Environment("FLEETSYNC_DB"); !path.empty()) return path;
  if (geteuid() == 0) return "/var/lib/fleetsync/fleetsync.db";
  return StateHome() + "/fleetsync/fleetsync.db";
}

std::string DbPath(const CommonOptions& options) {
  return options.db_path.empty() ? DefaultDbPath() : options.db_path;
}

std::string CaFolder(const CommonOptions& options) {
  const std::string db = DbPath(options);
  const size_t slash = db.rfind('/');
  return slash == std::string::npos ? "ca" : db.substr(0, slash) + "/ca";
}

std::optional<inventory::Inventory> LoadInventory(const Context& context) {
  std::string path = context.options.inventory_path;
  if (path.empty()) {
    StatusOr<std::string> found = inventory::DefaultPath();
    if (!found.ok()) {
      PrintError(Message(found.status()));
      return std::nullopt;
    }
    path = *found;
  }
  StatusOr<inventory::Loaded> loaded =
      inventory::Load(path, {.allow_readable_passwords = context.options.allow_readable_passwords});
  if (!loaded.ok()) {
    PrintError(Message(loaded.status()));
    return std::nullopt;
  }
  for (const inventory::Diagnostic& diagnostic : loaded->diagnostics)
    std::fprintf(stderr, "%s\n", Printable(ToString(diagnostic)).c_str());
  if (!loaded->ok()) return std::nullopt;
  return std::move(loaded->inventory);
}

std::optional<Chosen> ChooseHosts(const Context& context) {
  std::optional<inventory::Inventory> inventory = LoadInventory(context);
  if (!inventory) return std::nullopt;
  Chosen chosen{.inventory = *std::move(inventory), .hosts = {}};
  StatusOr<std::vector<const inventory::Host*>> hosts =
      inventory::Select(chosen.inventory, context.options.selection);
  if (!hosts.ok()) {
    PrintError(Message(hosts.status()));
    return std::nullopt;
  }
  chosen.hosts = *std::move(hosts);
  if (context.options.failed_only && !KeepFailed(context.options, chosen.hosts))
    return std::nullopt;
  return chosen;  // moved or elided: the hosts' storage, and so the pointers, stay
}

ssh::FleetOptions FleetOptionsFrom(const CommonOptions& options) {
  ssh::FleetOptions fleet;
  fleet.forks = options.forks;
  fleet.connect_deadline = options.connect_timeout;
  fleet.accept_new_host_keys = options.accept_new;
  fleet.ssh_config_file = options.ssh_config_file;
  return fleet;
}

}  // namespace fleetsync::cli
