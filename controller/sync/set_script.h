#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "controller/facts/facts.h"
#include "controller/sync/tool.h"

namespace fleetsync::sync {

// set_clock.sh behind emit.sh.
std::string_view SetClockScript();

struct SetRequest {
  Tool tool = Tool::kDate;
  std::vector<std::string> servers;                    // names or addresses, as the host asks them
  Duration offset{};                                   // the correction as measured, for kDate
  Duration latency = std::chrono::microseconds(1500);  // a busybox host's date, until it has set
};

// May this be a server's name or address? Letters, digits, dots, dashes, colons; no leading dash,
// so that no tool takes it for an option.
bool IsServerName(std::string_view name);

// The script for `sh -s`, to be run as root. InvalidArgument for a server that is no name.
StatusOr<std::string> RenderSetScript(const SetRequest& request, const facts::Facts& facts);

// What the script tells.
struct SetResult {
  int exit = 0;
  std::string tool;    // the one that was used in the end, as the script calls it
  std::string output;  // of the last try
  int tries = 0;
  bool busy = false;           // another run is setting this host's clock
  bool socket_in_use = false;  // UDP 123 was held by something that is no service
  bool rtc_written = false;
  std::string rtc_failed;                     // what hwclock said
  std::vector<std::string> unresolved;        // servers that have no address on the host
  std::vector<std::string> stopped, started;  // services
  std::vector<std::string> start_failed;      // "ntp: what the init script said"
  std::vector<std::string> notes;

  bool ok() const { return exit == 0 && !busy; }
  // The tool worked and heard no server: the network or the servers, not the host.
  bool NoServer() const;
};
StatusOr<SetResult> ParseSetResult(std::string_view output);

}  // namespace fleetsync::sync
