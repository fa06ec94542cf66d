#include <algorithm>
#include <utility>

#include "base/text.h"
#include "controller/plan/plan.h"
#include "controller/plan/unified_diff.h"
#include "controller/render/heading.h"
#include "fmt/format.h"

namespace fleetsync::plan {
namespace {

using facts::Daemon;
using facts::DaemonFact;
using policy::DaemonChoice;

bool Fits(DaemonChoice choice, Daemon daemon) {
  switch (choice) {
    case DaemonChoice::kAuto:
      return daemon == Daemon::kChrony || daemon == Daemon::kNtpsec ||
             daemon == Daemon::kNtpClassic;
    case DaemonChoice::kChrony:
      return daemon == Daemon::kChrony;
    case DaemonChoice::kNtp:
      return daemon == Daemon::kNtpClassic || daemon == Daemon::kNtpsec;
    case DaemonChoice::kNtpsec:
      return daemon == Daemon::kNtpsec;
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
  }
  return "";
}

std::string Installed(const facts::Facts& actual) {
  std::vector<std::string> names;
  for (const DaemonFact& daemon : actual.daemons)
    names.emplace_back(facts::ToString(daemon.daemon));
  return names.empty() ? "no time daemon" : Join(names, ", ");
}

// What runs comes first, then chrony over ntpsec over ntp.
StatusOr<const DaemonFact*> Choose(DaemonChoice choice, const facts::Facts& actual) {
  const DaemonFact* best = nullptr;
  for (const Daemon daemon : {Daemon::kChrony, Daemon::kNtpsec, Daemon::kNtpClassic}) {
    const DaemonFact* found = Fits(choice, daemon) ? actual.Find(daemon) : nullptr;
    if (found && (!best || (found->running && !best->running))) best = found;
  }
  if (best) return best;
  const std::string_view package = choice == DaemonChoice::kAuto ? "chrony" : NameOf(choice);
  return absl::FailedPreconditionError(fmt::format(
      "{} is not installed here ({} is); install {}{}", NameOf(choice), Installed(actual), package,
      choice == DaemonChoice::kAuto ? "" : ", or change time.daemon"));
}

// Two daemons on one clock fight, and the second cannot bind UDP 123.
Status RefuseRival(const DaemonFact& chosen, const facts::Facts& actual) {
  if (actual.busybox_ntpd && actual.busybox_ntpd->pid > 0)
    return absl::FailedPreconditionError(
        fmt::format("busybox's ntpd runs here beside {}, and one clock can have one keeper; stop "
                    "and disable it",
                    facts::ToString(chosen.daemon)));
  for (const DaemonFact& other : actual.daemons) {
    // The agent may watch a daemon without touching the clock.
    if (!other.running || other.daemon == chosen.daemon || other.daemon == Daemon::kAgent) continue;
    const std::string_view name = facts::ToString(other.daemon);
    return absl::FailedPreconditionError(fmt::format(
        "{} runs here beside {}, and one clock can have one keeper; stop and disable {}, or set "
        "time.daemon to it",
        name, facts::ToString(chosen.daemon), other.service.empty() ? name : other.service));
  }
  return absl::OkStatus();
}

Status CheckConfigPath(const DaemonFact& daemon, const facts::Facts& actual) {
  const std::string_view name = facts::ToString(daemon.daemon);
  if (daemon.config_path.empty() || daemon.config_path[0] != '/')
    return absl::FailedPreconditionError(
        fmt::format("where {} reads its configuration from is not known", name));
  if (daemon.config_path.substr(0, 5) == "/run/")
    return absl::FailedPreconditionError(
        fmt::format("{} runs with {}, which DHCP writes; turn that off there (IGNORE_DHCP=yes in "
                    "/etc/default/{}) and restart it",
                    name, Printable(daemon.config_path), daemon.service));
  const auto file = actual.files.find(daemon.config_path);
  const bool known = file != actual.files.end();
  if (daemon.running && !known)
    return absl::FailedPreconditionError(
        fmt::format("{} runs with {}, which push does not read; start it with its usual file", name,
                    Printable(daemon.config_path)));
  if (known && file->second.exists && (!file->second.readable || file->second.truncated))
    return absl::FailedPreconditionError(
        fmt::format("{} {}; move it out of the way", Printable(daemon.config_path),
                    file->second.truncated ? "is larger than 64 KiB" : "cannot be read"));
  return absl::OkStatus();
}

std::string WhyFile(const PutFile& put) {
  if (!put.before) return "the file is not there";
  const DiffCount count = CountChanges(*put.before, put.after);
  const std::string lines = fmt::format("{} {} removed, {} added", count.removed,
                                        count.removed == 1 ? "line" : "lines", count.added);
  switch (render::AuthorshipOf(*put.before)) {
    case render::Authorship::kForeign:
      return "not written by fleetsync so far: " + lines;
    case render::Authorship::kOurs:
      return "the policy changed: " + lines;
    case render::Authorship::kEdited:
      return "edited by hand since the last push: " + lines;
  }
  return lines;
}

// The change that brings the file to `rendered`; nothing when it is there.
std::optional<PlannedChange> FileChange(const render::RenderedFile& rendered,
                                        const DaemonFact& daemon, const facts::Facts& actual) {
  PutFile put{.path = rendered.path,
              .before = std::nullopt,
              .after = rendered.text,
              .checker = rendered.checker,
              .check_program = daemon.binary};
  const auto fact = actual.files.find(rendered.path);
  if (fact != actual.files.end() && fact->second.exists) {
    if (fact->second.content == rendered.text) return std::nullopt;
    put.before = fact->second.content;
    if (fact->second.mode != 0) put.mode = fact->second.mode & 07777;
    if (!fact->second.owner.empty()) put.owner = fact->second.owner;
    if (!fact->second.group.empty()) put.group = fact->second.group;
  }
  std::string because = WhyFile(put);
  return PlannedChange{Phase::kFiles, std::move(put), std::move(because)};
}

std::string_view ProgramName(std::string_view binary) {
  const size_t slash = binary.rfind('/');
  return slash == std::string_view::npos ? binary : binary.substr(slash + 1);
}

std::optional<PlannedChange> ServiceChange(bool file_changes, const DaemonFact& daemon,
                                           const facts::Facts& actual) {
  SetService set{.service = daemon.service,
                 .program = std::string(ProgramName(daemon.binary)),
                 .init = actual.init,
                 .was_running = daemon.running};
  const bool chrony = daemon.daemon == Daemon::kChrony;
  if (actual.HasTool(chrony ? "chronyc" : "ntpq"))
    set.inquiry = chrony ? Inquiry::kChronyc : Inquiry::kNtpq;
  const bool manages_boot = actual.init == facts::Init::kSystemd ||
                            actual.init == facts::Init::kSysv ||
                            actual.init == facts::Init::kOpenrc;
  set.enable = !daemon.enabled && manages_boot;
  std::vector<std::string> reasons;
  if (!daemon.running) {
    set.run = SetService::Run::kStarted;
    reasons.emplace_back("it does not run");
  } else if (file_changes) {
    set.run = SetService::Run::kRestarted;
    reasons.emplace_back("its file changes");
  }
  if (set.enable) reasons.emplace_back("it does not start at boot");
  if (reasons.empty()) return std::nullopt;
  return PlannedChange{Phase::kService, std::move(set), Join(reasons, ", ")};
}

}  // namespace

StatusOr<HostPlan> Diff(const policy::TimePolicy& desired, const facts::Facts& actual) {
  if (!actual.is_root)
    return absl::FailedPreconditionError(
        "the commands there did not run as root; set become: sudo, or log in as root");
  FS_ASSIGN_OR_RETURN(const DaemonFact* const daemon, Choose(desired.daemon, actual));
  FS_RETURN_IF_ERROR(RefuseRival(*daemon, actual));
  FS_RETURN_IF_ERROR(CheckConfigPath(*daemon, actual));
  FS_ASSIGN_OR_RETURN(render::RenderedFile rendered,
                      render::RenderTimeService(desired, render::PlatformOf(actual, *daemon)));
  HostPlan plan{.host = desired.host,
                .daemon = daemon->daemon,
                .changes = {},
                .notes = std::move(rendered.not_expressible)};
  std::optional<PlannedChange> file = FileChange(rendered, *daemon, actual);
  std::optional<PlannedChange> service = ServiceChange(file.has_value(), *daemon, actual);
  if (service && daemon->service.empty())
    return absl::FailedPreconditionError(
        fmt::format("{} has no unit or init script here, so it cannot be restarted; install its "
                    "package",
                    facts::ToString(daemon->daemon)));
  if (file) plan.changes.push_back(*std::move(file));
  if (service) plan.changes.push_back(*std::move(service));
  return plan;
}

}  // namespace fleetsync::plan
