#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "controller/ssh/ssh_config.h"
#include "inventory/inventory.h"

namespace fleetsync::ssh {

// What is known of the operator's own account.
struct LocalUser {
  std::string name;
  std::string home;
};

// How one host is really reached: the inventory's values, then ssh_config's, then ssh's defaults.
struct Target {
  std::string address;  // name or number to connect to
  uint16_t port = 22;
  std::string user;
  std::string key_name;        // the name its host key is known by
  std::string inventory_name;  // tried when nothing is known by key_name; empty with HostKeyAlias
  std::vector<std::string> identities;  // private key files
  bool identities_named = false;  // named by somebody, not ssh's defaults: a missing file is told
  bool identities_only = false;   // no other keys of the agent
  std::string identity_agent;     // as ssh_config's
  std::vector<std::string> known_hosts;  // files; new keys go into the first
  std::string proxy_jump;
  std::string proxy_command;
  bool accept_new = false;
};

Target MakeTarget(const inventory::Host& host, const SshConfig& config, const LocalUser& local);

// One hop of ProxyJump: "[user@]host[:port]" or "ssh://…".
struct Hop {
  std::string user, host;
  uint16_t port = 0;  // 0: not given
};
// InvalidArgument when something is not a plain name, address or number: hops end up in a
// ProxyCommand, which ssh hands to a shell.
StatusOr<std::vector<Hop>> ParseProxyJump(std::string_view text);

struct JumpOptions {
  std::string config_file;               // ssh -F
  std::vector<std::string> identities;   // ssh -i, for every hop
  std::vector<std::string> known_hosts;  // for every hop
  bool accept_new = false;
  int connect_seconds = 10;
};
// `ssh -W [address]:port` through all hops, the first hop nearest to us.
std::vector<std::string> JumpCommand(const std::vector<Hop>& hops, const Target& target,
                                     const JumpOptions& options);

// ssh_config's ProxyCommand with its %-tokens filled in, for `/bin/sh -c`. InvalidArgument when a
// value that goes in is not a plain name.
StatusOr<std::string> ExpandProxyCommand(std::string_view command, const Target& target);

}  // namespace fleetsync::ssh
