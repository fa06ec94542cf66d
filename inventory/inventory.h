#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "inventory/diagnostic.h"
#include "inventory/secret_source.h"
#include "inventory/time_settings.h"

namespace fleetsync::inventory {

enum class Role : uint8_t { kClient, kRelay };
enum class Become : uint8_t { kNone, kSudo, kDoas };

// How to reach a host. What is empty or unset here comes from ssh_config, then ssh's defaults.
// Paths are absolute, or relative to the current folder, after Load.
struct Connection {
  std::string address;  // "" : the host's name
  std::optional<uint16_t> port;
  std::string user;
  std::vector<std::string> identities;   // private key files, ~ expanded
  std::vector<std::string> known_hosts;  // files, ~ expanded
  std::string proxy_jump;                // as ssh -J takes it
  Become become = Become::kNone;
  std::optional<SecretSource> password_source;
  std::optional<SecretSource> become_password_source;
  Secret password;  // from servers.txt's password form
};

// One value as `inventory show` prints it: what, and where it came from.
struct Variable {
  std::string text;  // "10ms", "[a, b]"; "(secret)" for secrets, "(command)" for their commands
  Origin origin;
  std::string from;                     // "host web07", "group web", "defaults", "built in"
  std::vector<std::string> words = {};  // the value as it was written, an item of a list each
};

struct Host {
  std::string name;
  Origin origin;
  Role role = Role::kClient;
  bool reports_through_ssh = false;  // its agent cannot connect to the controller
  std::vector<std::string> groups;   // every group it is in, strongest first; without "all"
  Connection connection;
  TimeSettings time;
  // What the files say of it, keys as written: "user", "time.tolerance". What is built in is added
  // by AllVariables of inventory/variables.h.
  std::map<std::string, Variable> variables;
};

struct Group {
  std::string name;
  std::vector<std::string> hosts;  // all, through children too, in file order
  std::vector<std::string> children;
};

// Read-only after loading; may be shared between threads.
struct Inventory {
  std::string path;
  std::vector<Host> hosts;  // in file order
  std::vector<Group> groups;

  const Host* FindHost(std::string_view name) const;
  const Group* FindGroup(std::string_view name) const;
  std::vector<const Host*> Relays() const;
};

}  // namespace fleetsync::inventory
