#include "controller/plan/choose_daemon.h"

#include <array>
#include <span>

#include "fmt/format.h"

namespace fleetsync::plan {

using facts::Daemon;
using facts::DaemonFact;
using policy::DaemonChoice;

namespace {

constexpr std::array kFull = {Daemon::kChrony, Daemon::kNtpsec, Daemon::kNtpClassic};
constexpr std::array kSimple = {Daemon::kOpenntpd, Daemon::kTimesyncd};

const DaemonFact* BestOf(std::span<const Daemon> daemons, DaemonChoice choice,
                         const facts::Facts& actual) {
  const DaemonFact* best = nullptr;
  for (const Daemon daemon : daemons) {
    const DaemonFact* found = Fits(choice, daemon) ? actual.Find(daemon) : nullptr;
    if (found && (!best || (found->running && !best->running))) best = found;
  }
  return best;
}

// Debian's `ntp` is a transitional name for ntpsec's package from 12 on.
bool HasNtpsecAlone(const facts::Facts& actual) {
  return actual.os_id == "debian" && !actual.os_version.empty() && actual.os_version != "10" &&
         actual.os_version != "11";
}

}  // namespace

bool Fits(DaemonChoice choice, Daemon daemon) {
  switch (choice) {
    case DaemonChoice::kAuto:
      return daemon != Daemon::kAgent;
    case DaemonChoice::kChrony:
      return daemon == Daemon::kChrony;
    case DaemonChoice::kNtp:
      return daemon == Daemon::kNtpClassic || daemon == Daemon::kNtpsec;
    case DaemonChoice::kNtpsec:
      return daemon == Daemon::kNtpsec;
    case DaemonChoice::kOpenntpd:
      return daemon == Daemon::kOpenntpd;
    case DaemonChoice::kTimesyncd:
      return daemon == Daemon::kTimesyncd;
    case DaemonChoice::kAgent:
      return daemon == Daemon::kAgent;
    case DaemonChoice::kNone:
      return false;
  }
  return false;
}

std::string_view NameOf(DaemonChoice choice) {
  switch (choice) {
    case DaemonChoice::kAuto:
      return "chrony, ntpsec or ntp";
    case DaemonChoice::kChrony:
      return "chrony";
    case DaemonChoice::kNtp:
      return "ntp";
    case DaemonChoice::kNtpsec:
      return "ntpsec";
    case DaemonChoice::kOpenntpd:
      return "openntpd";
    case DaemonChoice::kTimesyncd:
      return "systemd-timesyncd";
    case DaemonChoice::kAgent:
      return "fleetsync's agent";
    case DaemonChoice::kNone:
      return "none";
  }
  return "";
}

// The simple ones only where nothing else is installed: they cannot do all that a policy may say.
const DaemonFact* ChooseDaemon(DaemonChoice choice, const facts::Facts& actual) {
  // An agent that watches another daemon keeps no clock.
  if (choice == DaemonChoice::kAgent || choice == DaemonChoice::kAuto) {
    const DaemonFact* agent =
        facts::AgentKeepsClock(actual) ? actual.Find(Daemon::kAgent) : nullptr;
    if (agent != nullptr || choice == DaemonChoice::kAgent) return agent;
  }
  const DaemonFact* best = BestOf(kFull, choice, actual);
  return best != nullptr ? best : BestOf(kSimple, choice, actual);
}

StatusOr<std::string> PackageFor(DaemonChoice choice, const facts::Facts& actual) {
  if (actual.package_manager.empty())
    return absl::FailedPreconditionError(fmt::format(
        "{} is not installed, and there is no package manager that push knows", NameOf(choice)));
  switch (choice) {
    case DaemonChoice::kAuto:
    case DaemonChoice::kChrony:
      return "chrony";
    case DaemonChoice::kNtp:
      return HasNtpsecAlone(actual) ? "ntpsec" : "ntp";
    case DaemonChoice::kNtpsec:
      return "ntpsec";
    case DaemonChoice::kOpenntpd:
      return "openntpd";
    case DaemonChoice::kTimesyncd:
      return "systemd-timesyncd";
    case DaemonChoice::kAgent:
    case DaemonChoice::kNone:
      break;
  }
  return absl::InternalError("PackageFor: unknown daemon");
}

}  // namespace fleetsync::plan
