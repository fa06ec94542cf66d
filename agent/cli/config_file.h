#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/engine/config.h"
#include "agent/observe/daemon_kind.h"
#include "agent/server/access_list.h"
#include "agent/server/rate_limiter.h"
#include "base/time.h"

namespace fleetsync::agent {

// agent.conf: one directive a line, as in chrony.conf(5); '#' begins a comment.
//
//   host web01.example            name in the inventory; default: the system's host name
//   server ADDRESS [OPTION]…      a time server: iburst, prefer, trust, noselect, fallback, peer,
//                                 xleave, minpoll N, maxpoll N, port N, key N, maxdelay T, offset T
//   controller HOST:PORT          where reports go
//   tls-dir DIR                   of this host's certificate and key (report/identity.h)
//   insecure-controller           reports in plain text, without TLS
//   report-interval 10s
//   state-dir /var/lib/fleetsync-agent
//   user fleetsync                whom the agent runs as instead of root
//   no-clock-control              measure alone: the clock is left to another program
//   observe auto|chrony|ntp|openntpd|timesyncd|none
//                                 which program that is; default: auto with no-clock-control
//   driftfile FILE                the clock's frequency over restarts; default: state-dir/drift
//   step 128ms                    an offset from here on is stepped, a smaller one slewed
//   stepout 15m                   but at the start, only when it lasts this long
//   slew-only                     never step
//   panic 1000s                   an offset from here on is left alone
//   panic-once                    but the first correction may be any
//   min-sources 1                 that agree, before the clock is touched
//   max-distance 3s               of a source that is followed
//   allow [NETWORK]               serve time to it; without a network: to everybody
//   deny [NETWORK]                not to it; the longest prefix decides
//   port 123                      where; 0: nobody is served
//   bindaddress ADDRESS           of this host; default: all
//   local [stratum N] [orphan]    serve this host's own time at stratum 10 or N while there is no
//                                 better one; orphan: agree on it with the other relays
//   ratelimit [interval N] [burst N]
//                                 a client may ask once in 2^N seconds, after so many at once
//   workers 1                     threads that answer, for IPv4 and for IPv6
//   timestamping kernel|user      who reads the clock when packets come and go
//   keyfile FILE                  as chrony.keys(5), for servers with a key
//   seccomp fail|kill|off         what a system call does that the clock does not take
enum class Seccomp { kFail, kKill, kOff };

// Whom time is served to, and how.
struct ServeConfig {
  std::vector<server::AccessRule> access;
  uint16_t port = 123;
  std::vector<ntp::Address> addresses;  // without a port; empty: all
  std::optional<uint8_t> local_stratum;
  server::RateLimit limit;
  size_t workers = 1;
};

struct AgentConfig {
  std::string host;
  ntp::EngineConfig engine{.sources = {}, .control_clock = true};
  std::string controller;  // empty: none
  bool insecure_controller = false;
  std::string tls_dir = "/var/lib/fleetsync-agent/tls";
  Duration report_interval = std::chrono::seconds(10);
  std::string state_dir = "/var/lib/fleetsync-agent";
  std::string drift_file;  // empty: in state_dir
  std::string user;        // empty: the defaults of privileges.h
  bool user_timestamps = false;
  Seccomp seccomp = Seccomp::kFail;
  std::string key_file;                  // empty: no source has a key
  std::optional<observe::Kind> observe;  // none: not said
  ServeConfig serve;

  // Somebody is allowed to ask.
  bool Serves() const;
  // Whose word is reported.
  observe::Kind Observed() const {
    return observe.value_or(engine.control_clock ? observe::Kind::kNone : observe::Kind::kAuto);
  }
};

struct ParsedConfig {
  AgentConfig config;
  std::vector<std::string> errors;  // "FILE:LINE: what is wrong; what to do", all of them
};

ParsedConfig ParseConfig(const std::string& file, std::string_view text);

// One directive with its value, as an option of the command line has it. The error, or none.
std::optional<std::string> ParseOption(std::string_view directive, std::string_view value,
                                       AgentConfig& config);

// "ADDRESS[,iburst][,minpoll=N]…" of the command line, or the words after `server`. The error, or
// none.
std::optional<std::string> ParseServer(std::string_view words, ntp::SourceConfig& server);

}  // namespace fleetsync::agent
