#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "inventory/secret_source.h"

namespace fleetsync::inventory {

// A server, pool or peer that a host takes its time from; options as in chrony.conf(5).
struct TimeSource {
  enum class Kind : uint8_t { kServer, kPool, kPeer };

  std::string address;  // a name or an address
  Kind kind = Kind::kServer;
  bool iburst = true;  // of servers and pools
  bool prefer = false;
  bool trust = false;     // others never outvote it
  bool noselect = false;  // watched, never followed
  bool xleave = false;    // interleaved mode
  bool nts = false;
  std::optional<int> minpoll = {}, maxpoll = {};  // log2 of seconds, -7 to 24
  std::optional<uint32_t> key = {};               // an id of TimeSettings::keys
  std::optional<Duration> max_delay = {};
  std::optional<Duration> offset = {};  // what to add to what it says
  std::optional<int> filter = {};       // samples that are made one

  bool operator==(const TimeSource&) const = default;
};

// A symmetric key that a host shares with its servers (chrony.keys(5), ntp.keys(5)).
struct NtpKey {
  enum class Type : uint8_t { kMd5, kSha1, kSha256, kAes128 };

  uint32_t id = 0;
  Type type = Type::kSha256;
  SecretSource secret;  // its bytes in hexadecimal, or plain ASCII
};

// How many answers a relay owes one client (`ratelimit` of chrony.conf, `discard` of ntp.conf).
struct RateLimit {
  int interval = 3;  // log2 of the seconds between answers
  int burst = 8;
  int leak = 2;  // of those above it, one in 2^leak is answered all the same
};

// What a host's time should be: the keys below `time` in fleet.yaml, docs/inventory.md says what
// each means. What is unset is the daemon's own business.
struct TimeSettings {
  enum class Leap : uint8_t { kDaemon, kSystem, kStep, kSlew, kIgnore };
  enum class Family : uint8_t { kAny, kIpv4, kIpv6 };
  // A job beside the daemon, or instead of it.
  enum class Job : uint8_t { kNone, kSync, kRtc };
  enum class Firewall : uint8_t { kManage, kLeave };
  enum class Packages : uint8_t { kLeave, kInstall };
  enum class Rivals : uint8_t { kRetire, kRefuse };      // other keepers of the same clock
  enum class HandEdits : uint8_t { kKeep, kOverwrite };  // to files that a push has written
  enum class TwoSources : uint8_t { kRefuse, kAllow };   // of which none can be told to be wrong

  std::string daemon = "auto";  // auto, chrony, ntp, ntpsec, openntpd, timesyncd, agent, none
  Packages packages = Packages::kLeave;
  Rivals rivals = Rivals::kRetire;
  HandEdits hand_edits = HandEdits::kKeep;

  std::vector<TimeSource> upstreams;  // for relays
  std::vector<TimeSource> servers;    // for clients; empty: the inventory's relays
  std::vector<TimeSource> peers;      // relays alone
  TwoSources two_sources = TwoSources::kRefuse;
  Family family = Family::kAny;
  std::optional<bool> dhcp_servers;  // follow the servers that DHCP names
  std::vector<NtpKey> keys;

  std::vector<std::string> allow;    // networks that relays serve; empty: those of the hosts
  std::optional<int> local_stratum;  // relays alone: serve the own clock when upstreams are gone
  std::optional<RateLimit> rate_limit;
  Firewall firewall = Firewall::kManage;  // relays alone: UDP 123 opened for `allow`

  std::optional<Duration> step_threshold;  // steps above it
  std::optional<int> step_limit;           // only in the first updates; -1: always
  std::optional<Duration> panic;           // offsets above it are not believed
  std::optional<Duration> max_distance;    // of a source, to be selected
  std::optional<int> min_sources;
  Leap leap = Leap::kDaemon;
  std::string drift_file;
  std::optional<bool> rtc;               // the kernel or the daemon keeps the hardware clock right
  std::vector<std::string> hwtimestamp;  // interfaces, or "*"

  Job job = Job::kNone;
  Duration job_every = std::chrono::hours(24);
  std::string timezone;  // "Europe/Berlin"

  std::string log_folder;
  std::vector<std::string> log;  // measurements, statistics, tracking, rtc, refclocks, tempcomp

  Duration tolerance = std::chrono::milliseconds(10);
  std::optional<Duration> max_step;  // sync-all's limit; unset: 1000 s
  bool allow_backward = true;        // false: never step these hosts' clocks backwards

  // Lines of the user's own, copied into the daemon's file: for whichever daemon, and for one.
  std::vector<std::string> extra, extra_chrony, extra_ntp, extra_openntpd, extra_timesyncd;
};

// "ntp1.example prefer minpoll 4": as fleet.yaml has it in one line, what is built in left out.
std::string ToString(const TimeSource& source);

std::vector<std::string> AddressesOf(const std::vector<TimeSource>& sources);

}  // namespace fleetsync::inventory
