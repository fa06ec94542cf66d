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
  bool enabled = false;     // at boot
};

// A file that a push may write, as it is on the host now.
struct FileFact {
  bool exists = false;
  std::string content;  // whole; the probe carries the daemons' configuration files
  unsigned mode = 0;
  std::string owner, group;
};

// What a host is (mission row C1), read in one round trip.
struct Facts {
  std::string hostname, kernel, machine;
  std::string os_id, os_version, os_name;  // os-release: debian, 12, "Debian GNU/Linux 12 (bookworm)"
  bool busybox = false;                     // the userland is busybox
  Init init = Init::kUnknown;
  std::string package_manager;  // apt, dnf, yum, zypper, apk, pacman or empty
  std::vector<DaemonFact> daemons;
  std::vector<std::string> tools;      // chronyc, chronyd, ntpdate, ntpd, ntpdig, sntp, busybox-ntpd, hwclock, …
  std::string firewall;         // firewalld, ufw, nftables, iptables or empty
  std::string cron;             // cron.d, crontab, busybox or empty
  std::vector<std::string> time_jobs;  // cron lines that run ntpdate, hwclock and the like: "file: line"
  std::string timezone;
  bool has_rtc = false;
  std::string udp123_holder;    // program's name (and pid) that holds UDP 123, or empty
  bool can_set_clock = true;    // CAP_SYS_TIME, or a clock of its own
  bool container = false;
  bool is_root = false;         // the probe ran as root
  std::map<std::string, FileFact> files;  // by path

  const DaemonFact* Find(Daemon daemon) const;
  const DaemonFact* Running() const;  // the first that runs; null when none
  bool HasTool(std::string_view tool) const;
};

std::string_view ToString(Daemon daemon);  // "chrony", "ntp", "ntpsec", "openntpd", "timesyncd", "agent"
std::string_view ToString(Init init);

// The POSIX sh script that prints a host's facts, for `sh -s` on standard input.
std::string_view ProbeScript();

// The probe's output. DataLoss when it is cut off or was not made by the probe (a login shell's
// banner before it is skipped).
StatusOr<Facts> ParseProbe(std::string_view output);

}  // namespace fleetsync::facts
