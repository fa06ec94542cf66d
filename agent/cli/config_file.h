#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/engine/config.h"
#include "base/time.h"

namespace fleetsync::agent {

// agent.conf: one directive a line, as in chrony.conf(5); '#' begins a comment.
//
//   host web01.example            name in the inventory; default: the system's host name
//   server ADDRESS [port N] [iburst] [minpoll N] [maxpoll N]
//   controller HOST:PORT          where reports go
//   insecure-controller           allow reports without TLS
//   report-interval 10s
//   state-dir /var/lib/fleetsync-agent
//   user fleetsync                whom the reporter runs as
struct AgentConfig {
  std::string host;
  std::vector<ntp::SourceConfig> servers;
  std::string controller;  // empty: none
  bool insecure_controller = false;
  Duration report_interval = std::chrono::seconds(10);
  std::string state_dir = "/var/lib/fleetsync-agent";
  std::string user;  // empty: DefaultReporterUser()
};

struct ParsedConfig {
  AgentConfig config;
  std::vector<std::string> errors;  // "FILE:LINE: what is wrong; what to do", all of them
};

ParsedConfig ParseConfig(const std::string& file, std::string_view text);

// "ADDRESS[,iburst][,minpoll=N]…" of the command line, or the words after `server`. The error, or
// none.
std::optional<std::string> ParseServer(std::string_view words, ntp::SourceConfig& server);

}  // namespace fleetsync::agent
