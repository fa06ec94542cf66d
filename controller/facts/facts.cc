#include "controller/facts/facts.h"

#include <algorithm>

#include "base/text.h"

namespace fleetsync::facts {
namespace {

bool IsDebian(const Facts& facts) {
  return facts.package_manager == "apt" || facts.os_id == "debian" || facts.os_id == "ubuntu";
}

DaemonPaths ChronyPaths(const Facts& facts) {
  if (IsDebian(facts)) {
    return {"/etc/chrony/chrony.conf", "/var/lib/chrony/chrony.drift", "/etc/chrony/chrony.keys"};
  }
  if (facts.package_manager == "apk" || facts.os_id == "alpine") {
    return {"/etc/chrony/chrony.conf", "/var/lib/chrony/chrony.drift", "/etc/chrony/chrony.keys"};
  }
  return {"/etc/chrony.conf", "/var/lib/chrony/drift", "/etc/chrony.keys"};
}

}  // namespace

const DaemonFact* Facts::Find(Daemon daemon) const {
  const auto found = std::find_if(daemons.begin(), daemons.end(), [daemon](const DaemonFact& fact) {
    return fact.daemon == daemon;
  });
  return found == daemons.end() ? nullptr : &*found;
}

const DaemonFact* Facts::Running() const {
  const auto found = std::find_if(daemons.begin(), daemons.end(),
                                  [](const DaemonFact& fact) { return fact.running; });
  return found == daemons.end() ? nullptr : &*found;
}

bool Facts::HasTool(std::string_view tool) const {
  return std::find(tools.begin(), tools.end(), tool) != tools.end();
}

std::string_view ToString(Daemon daemon) {
  switch (daemon) {
    case Daemon::kChrony:
      return "chrony";
    case Daemon::kNtpClassic:
      return "ntp";
    case Daemon::kNtpsec:
      return "ntpsec";
    case Daemon::kOpenntpd:
      return "openntpd";
    case Daemon::kTimesyncd:
      return "timesyncd";
    case Daemon::kAgent:
      return "agent";
  }
  return "";
}

std::string_view ToString(Init init) {
  switch (init) {
    case Init::kUnknown:
      return "unknown";
    case Init::kSystemd:
      return "systemd";
    case Init::kSysv:
      return "sysv";
    case Init::kOpenrc:
      return "openrc";
    case Init::kBusybox:
      return "busybox";
  }
  return "";
}

bool AgentKeepsClock(const Facts& facts) {
  const auto file = facts.files.find(DefaultPaths(Daemon::kAgent, facts).config);
  if (file == facts.files.end() || !file->second.exists || !file->second.readable) return false;
  const std::vector<std::string_view> lines = Split(file->second.content, '\n');
  return std::none_of(lines.begin(), lines.end(), [](std::string_view line) {
    const auto words = SplitWords(line.substr(0, line.find('#')));
    return !words.empty() && words[0] == "no-clock-control";
  });
}

DaemonPaths DefaultPaths(Daemon daemon, const Facts& facts) {
  switch (daemon) {
    case Daemon::kChrony:
      return ChronyPaths(facts);
    case Daemon::kNtpsec:
      return {"/etc/ntpsec/ntp.conf", "/var/lib/ntpsec/ntp.drift", "/etc/ntpsec/ntp.keys"};
    case Daemon::kNtpClassic:
      if (IsDebian(facts)) return {"/etc/ntp.conf", "/var/lib/ntp/ntp.drift", "/etc/ntp.keys"};
      return {"/etc/ntp.conf", "/var/lib/ntp/drift", "/etc/ntp/keys"};
    case Daemon::kOpenntpd:
      if (IsDebian(facts))
        return {"/etc/openntpd/ntpd.conf", "/var/lib/openntpd/db/ntpd.drift", ""};
      return {"/etc/ntpd.conf", "/var/db/ntpd.drift", ""};
    case Daemon::kTimesyncd:
      return {"/etc/systemd/timesyncd.conf", "", ""};
    case Daemon::kAgent:
      return {"/etc/fleetsync/agent.conf", "/var/lib/fleetsync-agent/drift",
              "/etc/fleetsync/agent.keys"};
  }
  return {};
}

}  // namespace fleetsync::facts
