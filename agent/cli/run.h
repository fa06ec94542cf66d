#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fleetsync::agent {

struct RunOptions {
  std::string config_file;           // empty: the default one, unless servers are given
  std::vector<std::string> servers;  // instead of the file's
  bool query = false;
  bool json = false;  // what --query prints
  bool once = false;
  bool no_report = false;
  bool force = false;          // also beside another program that sets the clock
  std::optional<int> minpoll;  // of all servers
  std::optional<int> maxpoll;
  // Directives of agent.conf with their values, instead of the file's; flags have none.
  std::vector<std::pair<std::string, std::string>> directives;
};

// fleetsync-agent run: the exit code. 0 a clean stop or the clock is set, 1 cannot work here,
// 2 usage, configuration or another program that sets the clock, 4 (--query, --once) no source can
// be believed.
int Run(const RunOptions& options);

// fleetsync-agent check: what `run` would say of the file, without keys and servers. Touches
// nothing. 0, or 2 with what is wrong.
int CheckConfig(const std::string& file);
// 0 when the kernel counts this host's clock as right, 4 when it does not, 1 when it does not tell.
int CheckClock();
// 0 when this host serves time to itself on port 123, 4 when what it serves is not synchronised, 1
// when nobody answers.
int CheckServing();

struct ReporterOptions {
  std::string controller;
  std::string host;
  std::string spool;
  std::string tls;  // empty: plain text
  std::string user;
  int socket = -1;
  pid_t parent = 0;
  bool clock_controlled = false;
};

// The reporter's process, started by the time process alone.
int RunAsReporter(const ReporterOptions& options);

}  // namespace fleetsync::agent
