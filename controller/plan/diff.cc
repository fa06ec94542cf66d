#include <algorithm>
#include <iterator>
#include <utility>

#include "base/sha256.h"
#include "base/text.h"
#include "base/time_text.h"
#include "controller/plan/choose_daemon.h"
#include "controller/plan/diff_parts.h"
#include "controller/plan/plan.h"
#include "controller/plan/unified_diff.h"
#include "controller/render/heading.h"
#include "controller/render/key_file.h"
#include "fmt/format.h"

namespace fleetsync::plan {
namespace {

using facts::Daemon;
using facts::DaemonFact;
using policy::DaemonChoice;

constexpr Duration kFarOff = std::chrono::seconds(3);  // the probe's look is good to two seconds

std::string Installed(const facts::Facts& actual) {
  std::vector<std::string> names;
  for (const DaemonFact& daemon : actual.daemons)
    names.emplace_back(facts::ToString(daemon.daemon));
  return names.empty() ? "no time daemon" : Join(names, ", ");
}

// What comes first where the daemon is missing: its package, when the policy wants that.
StatusOr<HostPlan> PlanPackage(const policy::TimePolicy& desired, const facts::Facts& actual) {
  const DaemonChoice choice = desired.daemon;
  if (desired.settings.packages == inventory::TimeSettings::Packages::kLeave)
    return absl::FailedPreconditionError(fmt::format(
        "{} is not installed here ({} is); set time.packages to install, or install {}{}",
        NameOf(choice), Installed(actual),
        choice == DaemonChoice::kAuto ? "chrony" : NameOf(choice),
        choice == DaemonChoice::kAuto ? "" : ", or change time.daemon"));
  FS_ASSIGN_OR_RETURN(std::string package, PackageFor(choice, actual));
  HostPlan plan{.host = desired.host, .changes = {}, .notes = {}, .edited_files = {}};
  plan.changes.push_back({InstallPackage{actual.package_manager, std::move(package)},
                          fmt::format("{} is not installed", NameOf(choice))});
  plan.notes.emplace_back("what else changes is known once the package is there");
  return plan;
}

// It comes with what only its installation has: a unit that lets it set the clock, users, and whom
// it reports to.
Status NoAgent(const std::string& host, const facts::Facts& actual) {
  return absl::FailedPreconditionError(fmt::format(
      "fleetsync's agent {}; run: fleetsync agent install --keep-clock --controller HOST:PORT "
      "--limit {}",
      actual.Find(Daemon::kAgent) == nullptr ? "is not installed here" : "only watches this clock",
      Printable(host)));
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
  const DiffCount count = CountChanges(*put.before, put.after.value_or(""));
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

PlannedChange ConfigChange(PutFile put, const render::RenderedFile& rendered,
                           const DaemonFact& daemon) {
  put.checker = rendered.checker;
  put.check_program = daemon.binary;
  std::string because = WhyFile(put);
  return {std::move(put), std::move(because)};
}

std::string_view ProgramName(std::string_view binary) {
  const size_t slash = binary.rfind('/');
  return slash == std::string_view::npos ? binary : binary.substr(slash + 1);
}

Inquiry InquiryOf(Daemon daemon, const facts::Facts& actual) {
  const auto with = [&](std::string_view tool, Inquiry inquiry) {
    return actual.HasTool(tool) ? inquiry : Inquiry::kNone;
  };
  switch (daemon) {
    case Daemon::kChrony:
      return with("chronyc", Inquiry::kChronyc);
    case Daemon::kNtpClassic:
    case Daemon::kNtpsec:
      return with("ntpq", Inquiry::kNtpq);
    case Daemon::kOpenntpd:
      return with("ntpctl", Inquiry::kNtpctl);
    case Daemon::kTimesyncd:
      return Inquiry::kTimesyncd;
    case Daemon::kAgent:
      return Inquiry::kAgent;
  }
  return Inquiry::kNone;
}

SetService::Await AwaitOf(const policy::TimePolicy& desired, const DiffOptions& options) {
  if (desired.role == inventory::Role::kRelay) return SetService::Await::kServing;
  return options.await_synchronised ? SetService::Await::kSynchronised
                                    : SetService::Await::kNothing;
}

std::optional<PlannedChange> ServiceChange(bool file_changes, SetService::Await await,
                                           const DaemonFact& daemon, const facts::Facts& actual) {
  SetService set{.service = daemon.service,
                 .program = std::string(ProgramName(daemon.binary)),
                 .init = actual.init,
                 .was_running = daemon.running,
                 .inquiry = InquiryOf(daemon.daemon, actual),
                 .await = await};
  // Nothing there could say whether it is.
  if (set.inquiry == Inquiry::kNone && await == SetService::Await::kSynchronised)
    set.await = SetService::Await::kNothing;
  const bool manages_boot = actual.init == facts::Init::kSystemd ||
                            actual.init == facts::Init::kSysv ||
                            actual.init == facts::Init::kOpenrc;
  if (!daemon.enabled && manages_boot) set.boot = SetService::Boot::kEnabled;
  std::vector<std::string> reasons;
  if (!daemon.running) {
    set.run = SetService::Run::kStarted;
    reasons.emplace_back("it does not run");
  } else if (file_changes) {
    set.run = SetService::Run::kRestarted;
    reasons.emplace_back("its file changes");
  }
  if (set.boot == SetService::Boot::kEnabled) reasons.emplace_back("it does not start at boot");
  if (reasons.empty()) return std::nullopt;
  return PlannedChange{std::move(set), Join(reasons, ", ")};
}

// The clock is set first when the daemon is started anyway and would have far to go.
std::optional<PlannedChange> ClockChange(const policy::TimePolicy& desired,
                                         const PlannedChange& service, const DaemonFact& daemon,
                                         const DiffOptions& options) {
  const auto& set = std::get<SetService>(service.change);
  if (set.run == SetService::Run::kLeft || !options.clock_offset) return std::nullopt;
  const Duration offset = *options.clock_offset;
  if (Abs(offset) < kFarOff || desired.sources.empty()) return std::nullopt;
  if (offset < Duration::zero() && !desired.settings.allow_backward) return std::nullopt;
  return PlannedChange{SetClock{.daemon = daemon.daemon,
                                .program = daemon.binary,
                                .service = daemon.service,
                                .process = set.program,
                                .servers = inventory::AddressesOf(desired.sources)},
                       fmt::format("it is about {} {}", FormatDuration(Abs(offset)),
                                   offset > Duration::zero() ? "behind" : "ahead")};
}

bool IsKeptEdit(const PutFile& put, const policy::TimePolicy& desired, const DiffOptions& options) {
  return !options.overwrite_edits &&
         desired.settings.hand_edits == inventory::TimeSettings::HandEdits::kKeep && put.before &&
         render::AuthorshipOf(*put.before) == render::Authorship::kEdited;
}

void Append(std::vector<PlannedChange> more, HostPlan& plan) {
  std::move(more.begin(), more.end(), std::back_inserter(plan.changes));
}

void KeepOwner(const facts::FileFact& file, PutFile& put) {
  if (file.mode != 0) put.mode = file.mode & 07777;
  if (!file.owner.empty()) put.owner = file.owner;
  if (!file.group.empty()) put.group = file.group;
}

}  // namespace

std::optional<PutFile> FileChange(const std::string& path, std::optional<std::string> after,
                                  const facts::Facts& actual) {
  PutFile put{.path = path, .before = std::nullopt, .after = std::move(after), .check_program = {}};
  const auto fact = actual.files.find(path);
  if (fact != actual.files.end() && fact->second.exists) {
    put.before = fact->second.content;
    KeepOwner(fact->second, put);
  }
  if (put.before == put.after) return std::nullopt;
  return put;
}

namespace {

// The daemon's keys, known on the host by their checksum alone.
StatusOr<std::optional<PlannedChange>> KeyFileChange(const policy::TimePolicy& desired,
                                                     const DaemonFact& daemon,
                                                     const facts::Facts& actual) {
  if (desired.keys == nullptr) return std::nullopt;
  FS_ASSIGN_OR_RETURN(std::string text, render::KeyFile(desired, daemon.daemon));
  const std::string path = facts::DefaultPaths(daemon.daemon, actual).keys;
  PutFile put{
      .path = path, .before = {}, .after = {}, .mode = 0640, .check_program = {}, .secret = true};
  const auto fact = actual.files.find(path);
  if (fact != actual.files.end() && fact->second.exists) {
    const facts::FileFact& file = fact->second;
    if (file.sha256.empty())
      return absl::FailedPreconditionError(
          fmt::format("{} cannot be compared: there is no sha256sum on this host", path));
    if (file.sha256 == Sha256Hex(text)) return std::nullopt;
    KeepOwner(file, put);
    put.before = "";
    put.before_sha256 = file.sha256;
  }
  put.after = std::move(text);
  return PlannedChange{
      std::move(put),
      fmt::format("{} of time.keys (secrets are not shown)",
                  desired.keys->size() == 1 ? std::string("1 key")
                                            : fmt::format("{} keys", desired.keys->size()))};
}

// The daemon's file and service, and what must give way to them.
Status PlanDaemon(const policy::TimePolicy& desired, const DaemonFact& daemon,
                  const facts::Facts& actual, const DiffOptions& options, HostPlan& plan) {
  FS_ASSIGN_OR_RETURN(std::vector<PlannedChange> rivals, RetireRivals(desired, &daemon, actual));
  FS_RETURN_IF_ERROR(CheckConfigPath(daemon, actual));
  FS_ASSIGN_OR_RETURN(render::RenderedFile rendered,
                      render::RenderTimeService(desired, render::PlatformOf(actual, daemon)));
  plan.daemon = daemon.daemon;
  plan.notes = std::move(rendered.not_expressible);
  std::optional<PutFile> file = FileChange(rendered.path, rendered.text, actual);
  FS_ASSIGN_OR_RETURN(std::optional<PlannedChange> keys, KeyFileChange(desired, daemon, actual));
  std::optional<PlannedChange> service = ServiceChange(file.has_value() || keys.has_value(),
                                                       AwaitOf(desired, options), daemon, actual);
  if (service && daemon.service.empty())
    return absl::FailedPreconditionError(
        fmt::format("{} has no unit or init script here, so it cannot be restarted; install its "
                    "package",
                    facts::ToString(daemon.daemon)));
  if (file) {
    if (IsKeptEdit(*file, desired, options)) plan.edited_files.push_back(file->path);
    plan.changes.push_back(ConfigChange(*std::move(file), rendered, daemon));
  }
  if (keys) plan.changes.insert(plan.changes.begin(), *std::move(keys));
  Append(std::move(rivals), plan);
  if (!service) return absl::OkStatus();
  if (auto clock = ClockChange(desired, *service, daemon, options))
    plan.changes.push_back(*std::move(clock));
  plan.changes.push_back(*std::move(service));
  return absl::OkStatus();
}

// What a host is to have beside its daemon.
Status PlanSurroundings(const policy::TimePolicy& desired, const facts::Facts& actual,
                        HostPlan& plan) {
  Append(RetireJobs(desired, actual, plan.notes), plan);
  FS_ASSIGN_OR_RETURN(std::vector<PlannedChange> job, ManagedJob(desired, actual));
  // A crontab that both change is changed once, as ManagedJob has it.
  for (const PlannedChange& change : job)
    std::erase_if(plan.changes, [&](const PlannedChange& other) {
      const auto* put = std::get_if<PutFile>(&other.change);
      const auto* ours = std::get_if<PutFile>(&change.change);
      return put != nullptr && ours != nullptr && put->path == ours->path;
    });
  Append(std::move(job), plan);
  FS_ASSIGN_OR_RETURN(std::vector<PlannedChange> timezone, SetTimezone(desired, actual));
  Append(std::move(timezone), plan);
  return absl::OkStatus();
}

}  // namespace

StatusOr<HostPlan> Diff(const policy::TimePolicy& desired, const facts::Facts& actual,
                        const DiffOptions& options) {
  if (!actual.is_root)
    return absl::FailedPreconditionError(
        "the commands there did not run as root; set become: sudo, or log in as root");
  HostPlan plan{.host = desired.host};
  FS_RETURN_IF_ERROR(PlanSurroundings(desired, actual, plan));
  if (desired.daemon == DaemonChoice::kNone) {
    FS_ASSIGN_OR_RETURN(std::vector<PlannedChange> rivals, RetireRivals(desired, nullptr, actual));
    Append(std::move(rivals), plan);
    return plan;
  }
  const DaemonFact* const daemon = ChooseDaemon(desired.daemon, actual);
  if (daemon == nullptr && desired.daemon == DaemonChoice::kAgent)
    return NoAgent(desired.host, actual);
  if (daemon == nullptr) return PlanPackage(desired, actual);
  std::vector<PlannedChange> surroundings = std::move(plan.changes);
  plan.changes.clear();
  std::vector<std::string> notes = std::move(plan.notes);
  FS_RETURN_IF_ERROR(PlanDaemon(desired, *daemon, actual, options, plan));
  plan.notes.insert(plan.notes.end(), notes.begin(), notes.end());
  // Files before services: the daemon's file first, as people expect it.
  const auto services = std::find_if(
      plan.changes.begin(), plan.changes.end(),
      [](const PlannedChange& change) { return !std::holds_alternative<PutFile>(change.change); });
  plan.changes.insert(services, surroundings.begin(), surroundings.end());
  return plan;
}

}  // namespace fleetsync::plan
