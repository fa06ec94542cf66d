#include <string>
#include <utility>

#include "base/text.h"
#include "controller/plan/diff_parts.h"
#include "fmt/format.h"

namespace fleetsync::plan {
namespace {

using facts::Daemon;
using facts::DaemonFact;

std::string_view ProgramOf(Daemon daemon) {
  switch (daemon) {
    case Daemon::kChrony:
      return "chronyd";
    case Daemon::kNtpClassic:
    case Daemon::kNtpsec:
      return "ntpd";
    case Daemon::kOpenntpd:
      return "ntpd";
    case Daemon::kTimesyncd:
      return "systemd-timesyn";
    case Daemon::kAgent:
      return "fleetsync-agent";
  }
  return "";
}

// A keeper of the clock beside the chosen one.
struct Rival {
  std::string name, service, program;
  bool running = false, enabled = false;
};

std::vector<Rival> RivalsOf(const DaemonFact* chosen, const facts::Facts& actual) {
  std::vector<Rival> rivals;
  for (const DaemonFact& other : actual.daemons) {
    // The agent may watch a daemon without touching the clock.
    if ((chosen != nullptr && other.daemon == chosen->daemon) || other.daemon == Daemon::kAgent)
      continue;
    if (other.running || other.enabled)
      rivals.push_back({std::string(facts::ToString(other.daemon)), other.service,
                        std::string(ProgramOf(other.daemon)), other.running, other.enabled});
  }
  if (actual.busybox_ntpd && actual.busybox_ntpd->pid > 0)
    rivals.push_back({"busybox's ntpd", actual.busybox_ntpd->service, "ntpd", true, true});
  return rivals;
}

Status Refuse(const Rival& rival, std::string_view chosen, std::string_view what_to_do) {
  return absl::FailedPreconditionError(
      fmt::format("{} runs here beside {}, and one clock can have one keeper; {}", rival.name,
                  chosen, what_to_do));
}

}  // namespace

// Two daemons on one clock fight, and the second cannot bind UDP 123.
StatusOr<std::vector<PlannedChange>> RetireRivals(const policy::TimePolicy& desired,
                                                  const DaemonFact* chosen,
                                                  const facts::Facts& actual) {
  std::vector<PlannedChange> changes;
  const std::string_view name =
      chosen == nullptr ? "a job of cron" : facts::ToString(chosen->daemon);
  const bool agent_is_rival = (chosen == nullptr || chosen->daemon != Daemon::kAgent) &&
                              actual.Find(Daemon::kAgent) != nullptr &&
                              facts::AgentKeepsClock(actual);
  // Stopped, it would report no longer; that it only watches takes another unit.
  if (agent_is_rival)
    return absl::FailedPreconditionError(fmt::format(
        "fleetsync's agent keeps this clock, and one clock can have one keeper; run: fleetsync "
        "agent install --observe --controller HOST:PORT --limit {}, or set time.daemon to agent",
        Printable(desired.host)));
  for (const Rival& rival : RivalsOf(chosen, actual)) {
    const bool refuse = desired.settings.rivals == inventory::TimeSettings::Rivals::kRefuse;
    if (refuse && rival.running)
      return Refuse(rival, name,
                    fmt::format("stop and disable {}, or set time.daemon to it",
                                rival.service.empty() ? rival.name : rival.service));
    if (refuse) continue;
    if (rival.service.empty())
      return Refuse(rival, name, "it was started by hand: stop it where that was done");
    SetService set{.service = rival.service,
                   .program = rival.program,
                   .init = actual.init,
                   .was_running = rival.running};
    if (rival.running) set.run = SetService::Run::kStopped;
    if (rival.enabled) set.boot = SetService::Boot::kDisabled;
    changes.push_back({std::move(set), fmt::format("{} keeps this clock", name)});
  }
  return changes;
}

}  // namespace fleetsync::plan
