#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace fleetsync::agent {

struct RunOptions {
  std::string config_file;           // empty: the default one, unless servers are given
  std::vector<std::string> servers;  // instead of the file's
  bool query = false;
  bool no_report = false;
  std::string user;  // instead of the file's
};

// fleetsync-agent run: the exit code. 0 a clean stop, 1 cannot work here, 2 usage or configuration,
// 4 (--query) no source can be believed.
int Run(const RunOptions& options);

struct ReporterOptions {
  std::string controller;
  std::string host;
  std::string spool;
  std::string user;
  int socket = -1;
  pid_t parent = 0;
};

// The reporter's process, started by the time process alone.
int RunAsReporter(const ReporterOptions& options);

}  // namespace fleetsync::agent
