#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"
#include "controller/deploy/identity.h"
#include "controller/facts/facts.h"

namespace fleetsync::deploy {

inline constexpr std::string_view kBinaryPath = "/usr/local/sbin/fleetsync-agent";
inline constexpr std::string_view kConfigPath = "/etc/fleetsync/agent.conf";
inline constexpr std::string_view kSystemdUnitPath = "/etc/systemd/system/fleetsync-agent.service";
inline constexpr std::string_view kInitScriptPath = "/etc/init.d/fleetsync-agent";
inline constexpr std::string_view kKeysPath = "/etc/fleetsync/agent.keys";
inline constexpr std::string_view kTlsFolder = "/var/lib/fleetsync-agent/tls";

struct FileSum {
  std::string sha256;
  std::string mode;  // as ls prints it: "-rwxr-xr-x"
};

// What of the agent is on a host, and what the host is.
struct HostState {
  facts::Facts facts;
  std::string sha256_tool;               // as install.sh names it; empty: the host has none
  std::map<std::string, FileSum> files;  // of the five above, those that are there
  IdentityState identity;
  bool has_gzip = false;
  bool has_user = false;       // fleetsync
  bool has_time_user = false;  // _fleetsync
  bool has_retired = false;    // daemons that gave way to the agent and will be given back
  bool running = false;
  bool enabled = false;      // at boot
  bool can_enable = false;   // there is a known way to start it at boot
  bool unfinished = false;   // an installation was killed half way
  bool keeps_clock = false;  // the agent's configuration has it set the clock

  std::string version() const;  // of the installed agent; empty: none, or it does not start
};

// The script for `sh -s` on standard input: the facts' probe and what of the agent is there.
std::string HostStateScript();

// Its output. DataLoss when it is cut off or was not made by it.
StatusOr<HostState> ParseHostState(std::string_view output);

}  // namespace fleetsync::deploy
