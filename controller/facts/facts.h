#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/time.h"

namespace fleetsync::facts {

enum class Init : uint8_t { kUnknown, kSystemd, kSysv, kOpenrc, kBusybox };
enum class Daemon : uint8_t { kChrony, kNtpClassic, kNtpsec, kOpenntpd, kTimesyncd, kAgent };

// One time daemon that is installed on the host.
struct DaemonFact {
  Daemon daemon = Daemon::kChrony;
  std::string binary;       // /usr/sbin/chronyd
  std::string version;      // "4.3"; empty: not told
  std::string service;      // name for systemctl or service(8): "chrony", "ntpsec", "ntp"
  std::string config_path;  // /etc/chrony/chrony.conf
  std::string drift_path;
  std::string keys_path;
  bool running = false;
  int pid = 0;
  bool enabled = false;  // at boot
};

// A file that a push may write, as it is on the host now.
struct FileFact {
  bool exists = false;
  bool readable = false;   // `content` is the file's; never for key files
  bool truncated = false;  // `content` is the first 64 KiB
  std::string content;     // whole; the probe carries the daemons' configuration files
  std::string sha256;      // of key files, when they were asked for; their content is never read
  unsigned mode = 0;
  std::string owner, group;
};

// busybox's ntpd as a daemon: no configuration file, told everything by its command line.
struct BusyboxNtpd {
  std::string service;  // empty: started by hand
  int pid = 0;          // 0: not running
};

// What a host is (mission row C1), read in one round trip.
struct Facts {
  std::string hostname, kernel, machine;
  std::string os_id, os_version,
      os_name;           // os-release: debian, 12, "Debian GNU/Linux 12 (bookworm)"
  bool busybox = false;  // the userland is busybox
  Init init = Init::kUnknown;
  std::string init_process;     // name of process 1
  std::string package_manager;  // apt, dnf, yum, zypper, apk, pacman or empty
  std::vector<DaemonFact> daemons;
  std::vector<std::string>
      tools;  // chronyc, chronyd, ntpdate, ntpd, ntpdig, sntp, busybox-ntpd, hwclock, …
  std::string firewall;      // firewalld, ufw, nftables, iptables or empty
  std::string cron;          // cron.d, crontab, busybox or empty
  std::string root_crontab;  // root's own file: /var/spool/cron/crontabs/root
  bool cron_running = false;
  bool job_timer = false;  // the systemd timer of push's own job starts at boot
  std::vector<std::string>
      time_jobs;         // cron lines that run ntpdate, hwclock and the like: "file: line"
  std::string timezone;  // "Europe/Berlin"; empty when /etc/localtime is a copy of no known name
  std::string localtime_link;  // where /etc/localtime points; empty: it is no link
  std::string utc_offset;      // "+0200", as date(1) prints it
  int64_t clock_s = 0;  // the host's clock when it was asked, seconds since 1970; 0: not told
  bool has_rtc = false;
  bool rtc_is_local = false;  // the hardware clock keeps local time (/etc/adjtime)
  std::string udp123_holder;  // program's name (and pid) that holds UDP 123, or empty
  bool udp123_held = false;   // also when the holder is not known (the probe was not root)
  std::optional<BusyboxNtpd> busybox_ntpd;
  bool cap_sys_time = true;   // of the probe's own process
  std::string preload;        // first line of /etc/ld.so.preload: a library may interpose the clock
  bool can_set_clock = true;  // may be tried: CAP_SYS_TIME, or a clock that a library interposes
  bool container = false;
  std::string container_kind;             // docker, systemd-nspawn, lxc, …
  bool is_root = false;                   // the probe ran as root
  std::map<std::string, FileFact> files;  // by path
  // Of all that this was read from, with the scope of a push: while it stays, so does the rest.
  // Empty where the host has no tools for it.
  std::string fingerprint;
  bool settled = false;  // the fingerprint was the one that was expected; nothing else was read

  const DaemonFact* Find(Daemon daemon) const;
  const DaemonFact* Running() const;  // the first that runs; null when none
  bool HasTool(std::string_view tool) const;
};

std::string_view ToString(
    Daemon daemon);  // "chrony", "ntp", "ntpsec", "openntpd", "timesyncd", "agent"
std::string_view ToString(Init init);

// fleetsync's agent is there, and its configuration has it set the clock rather than watch it.
bool AgentKeepsClock(const Facts& facts);

// Where a daemon of this kind keeps its drift file and keys when its configuration does not say.
// Rows: Debian 11 and 12 verified on their packages; RHEL, SUSE, Alpine and Arch from
// documentation.
struct DaemonPaths {
  std::string config, drift, keys;
};
DaemonPaths DefaultPaths(Daemon daemon, const Facts& facts);

// The POSIX sh script that prints a host's facts, for `sh -s` on standard input. Behind a line
// "scope=clock" it tells only what setting the clock needs: neither files, firewall, cron, zone,
// package manager nor who holds UDP 123; behind "scope=push" all but the firewall, and the
// fingerprint; behind "settled=FINGERPRINT" as well, that alone where nothing has changed.
std::string_view ProbeScript();

// The probe's output. DataLoss when it is cut off or was not made by the probe (a login shell's
// banner before it is skipped).
StatusOr<Facts> ParseProbe(std::string_view output);

}  // namespace fleetsync::facts
