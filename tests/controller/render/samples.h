#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/facts/facts.h"
#include "controller/policy/time_policy.h"
#include "controller/render/render.h"

// Policies and hosts that the tests of render, plan and push share.
namespace fleetsync::samples {

inline policy::TimePolicy Client() {
  policy::TimePolicy policy;
  policy.host = "web07.example";
  policy.inventory = "fleet.yaml";
  policy.sources = {{.address = "ntp1.example"}, {.address = "10.77.0.2"}};
  return policy;
}

// The client with key 7, `bytes`.
inline policy::TimePolicy WithKey(inventory::NtpKey::Type type, std::string bytes) {
  policy::TimePolicy policy = Client();
  auto ring = std::make_shared<std::vector<policy::TimeKey>>();
  ring->push_back({.id = 7, .type = type, .bytes = Secret(std::move(bytes))});
  policy.settings.keys = {inventory::NtpKey{.id = 7, .type = type, .secret = {}}};
  policy.keys = std::move(ring);
  return policy;
}

inline policy::TimePolicy Relay() {
  policy::TimePolicy policy;
  policy.host = "ntp1.example";
  policy.inventory = "fleet.yaml";
  policy.role = inventory::Role::kRelay;
  policy.sources = {{.address = "0.pool.ntp.org"}, {.address = "1.pool.ntp.org"}};
  for (const char* network : {"192.168.0.0/16", "10.77.3.4", "fd00:11::/32", "2001:db8::9"})
    policy.allow.push_back(*inventory::ParseNetwork(network));
  policy.local_stratum = 10;
  return policy;
}

inline facts::DaemonFact Chrony() {
  return {.daemon = facts::Daemon::kChrony,
          .binary = "/usr/sbin/chronyd",
          .version = "4.3",
          .service = "chrony",
          .config_path = "/etc/chrony/chrony.conf",
          .drift_path = "/var/lib/chrony/chrony.drift",
          .keys_path = "/etc/chrony/chrony.keys",
          .running = true,
          .pid = 15,
          .enabled = true};
}

inline facts::DaemonFact Ntpsec() {
  return {.daemon = facts::Daemon::kNtpsec,
          .binary = "/usr/sbin/ntpd",
          .version = "1.2.2",
          .service = "ntpsec",
          .config_path = "/etc/ntpsec/ntp.conf",
          .drift_path = "/var/lib/ntpsec/ntp.drift",
          .keys_path = {},
          .running = true,
          .pid = 15,
          .enabled = true};
}

inline facts::DaemonFact NtpClassic() {
  return {.daemon = facts::Daemon::kNtpClassic,
          .binary = "/usr/sbin/ntpd",
          .version = "4.2.8p15",
          .service = "ntp",
          .config_path = "/etc/ntp.conf",
          .drift_path = "/var/lib/ntp/ntp.drift",
          .keys_path = {},
          .running = true,
          .pid = 15,
          .enabled = true};
}

inline facts::DaemonFact Agent() {
  return {.daemon = facts::Daemon::kAgent,
          .binary = "/usr/local/sbin/fleetsync-agent",
          .version = "0.1.0",
          .service = "fleetsync-agent",
          .config_path = "/etc/fleetsync/agent.conf",
          .drift_path = {},
          .keys_path = {},
          .running = true,
          .pid = 15,
          .enabled = true};
}

// What `fleetsync agent install` has written of reports.
inline constexpr char kAgentReports[] =
    "host web07.example\nserver old.example iburst\ncontroller 10.0.0.5:8123\n"
    "report-interval 10s\ninsecure-controller\n";

// A Debian host with this daemon alone and this text in its file.
inline facts::Facts HostWith(const facts::DaemonFact& daemon, const std::string& config) {
  facts::Facts facts;
  facts.hostname = "web07";
  facts.os_id = "debian";
  facts.os_version = "12";
  facts.init = facts::Init::kSystemd;
  facts.is_root = true;
  facts.daemons = {daemon};
  facts.tools = {"chronyc", "ntpq", "systemctl"};
  facts::FileFact file;
  file.exists = true;
  file.readable = true;
  file.content = config;
  file.mode = 0640;
  file.owner = "root";
  file.group = "_chrony";
  facts.files[daemon.config_path] = file;
  return facts;
}

inline render::Platform PlatformWith(const facts::DaemonFact& daemon,
                                     const std::string& config = {}) {
  return render::PlatformOf(HostWith(daemon, config), daemon);
}

}  // namespace fleetsync::samples
