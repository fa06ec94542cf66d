#include "controller/sync/tool.h"

namespace fleetsync::sync {
namespace {

using facts::Daemon;
using facts::DaemonFact;
using facts::Facts;

// OpenNTPD's ntpd and busybox's have the name and none of the options.
bool HasReferenceNtpd(const Facts& facts) {
  return facts.Find(Daemon::kNtpClassic) != nullptr || facts.Find(Daemon::kNtpsec) != nullptr;
}

bool Disciplines(Daemon daemon) {
  switch (daemon) {
    case Daemon::kChrony:
    case Daemon::kNtpClassic:
    case Daemon::kNtpsec:
    case Daemon::kOpenntpd:
      return true;
    case Daemon::kTimesyncd:  // polls seldom, holds no port, follows a step by itself
    case Daemon::kAgent:
      return false;
  }
  return false;
}

}  // namespace

std::string_view ToString(Tool tool) {
  switch (tool) {
    case Tool::kChronyc:
      return "chronyc makestep";
    case Tool::kChronyd:
      return "chronyd -q";
    case Tool::kNtpdate:
      return "ntpdate";
    case Tool::kNtpdig:
      return "ntpdig";
    case Tool::kSntp:
      return "sntp";
    case Tool::kNtpd:
      return "ntpd -gq";
    case Tool::kBusyboxNtpd:
      return "busybox ntpd";
    case Tool::kDate:
      return "date over SSH";
  }
  return "";
}

std::vector<Tool> ChooseTools(const Facts& facts, bool over_ssh) {
  if (!facts.can_set_clock) return {};
  std::vector<Tool> tools;
  if (!over_ssh) {
    const DaemonFact* chrony = facts.Find(Daemon::kChrony);
    if (chrony != nullptr && chrony->running && facts.HasTool("chronyc")) {
      tools.push_back(Tool::kChronyc);
    }
    if (chrony != nullptr) tools.push_back(Tool::kChronyd);
    if (facts.HasTool("ntpdate")) tools.push_back(Tool::kNtpdate);
    if (facts.HasTool("ntpdig")) tools.push_back(Tool::kNtpdig);
    if (facts.HasTool("sntp")) tools.push_back(Tool::kSntp);
    if (HasReferenceNtpd(facts)) tools.push_back(Tool::kNtpd);
    if (facts.HasTool("busybox-ntpd")) tools.push_back(Tool::kBusyboxNtpd);
  }
  tools.push_back(Tool::kDate);
  return tools;
}

std::vector<Rival> Rivals(const Facts& facts) {
  std::vector<Rival> rivals;
  for (const DaemonFact& daemon : facts.daemons) {
    if (daemon.running && Disciplines(daemon.daemon))
      rivals.push_back({daemon.service, daemon.pid});
  }
  if (facts.busybox_ntpd && facts.busybox_ntpd->pid > 0) {
    rivals.push_back({facts.busybox_ntpd->service, facts.busybox_ntpd->pid});
  }
  return rivals;
}

}  // namespace fleetsync::sync
