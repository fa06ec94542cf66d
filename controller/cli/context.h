#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "controller/ssh/fleet.h"
#include "inventory/inventory.h"
#include "inventory/select.h"

namespace fleetsync::cli {

enum class OutputFormat : uint8_t { kTable, kJson };

// Options that every command takes, before or after its name.
struct CommonOptions {
  std::string inventory_path;  // empty: inventory::DefaultPath()
  inventory::Selection selection;
  bool failed_only = false;  // --failed: of the selection, those that failed in the last run
  size_t forks = 64;
  Duration timeout = std::chrono::seconds(60);  // of one command on one host
  Duration connect_timeout = std::chrono::seconds(10);
  std::string db_path;  // empty: DefaultDbPath()
  OutputFormat output = OutputFormat::kTable;
  bool verbose = false;
  bool no_color = false;
  bool accept_new = false;
  bool allow_readable_passwords = false;
  std::string ssh_config_file;
};

// What a command runs with. Data goes to standard output, everything else to standard error.
struct Context {
  CommonOptions options;
  const std::atomic<bool>* stop = nullptr;  // set by the first Ctrl-C
  bool color = false;                       // standard output is a terminal that wants colour
  std::vector<std::string> command_words;   // what stands after --

  bool json() const { return options.output == OutputFormat::kJson; }
};

struct Chosen {
  inventory::Inventory inventory;
  std::vector<const inventory::Host*> hosts;  // point into `inventory`
};

// Loads the inventory and chooses the hosts. On failure the reasons are on standard error and
// nothing is returned: the command ends with kUsage.
std::optional<Chosen> ChooseHosts(const Context& context);
std::optional<inventory::Inventory> LoadInventory(const Context& context);

ssh::FleetOptions FleetOptionsFrom(const CommonOptions& options);

// $FLEETSYNC_DB, /var/lib/fleetsync/fleetsync.db for root, else
// $XDG_STATE_HOME/fleetsync/fleetsync.db (~/.local/state/…).
std::string DefaultDbPath();
std::string DbPath(const CommonOptions& options);
// The certificate authority's, beside the database.
std::string CaFolder(const CommonOptions& options);

// "fleetsync: TEXT" on standard error.
void PrintError(const std::string& text);

}  // namespace fleetsync::cli
