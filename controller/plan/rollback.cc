#include "controller/plan/rollback.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"
#include "controller/facts/answer_lines.h"
#include "controller/facts/file_fact.h"
#include "fmt/format.h"

namespace fleetsync::plan {
namespace {

using Boot = SetService::Boot;
using Run = SetService::Run;

facts::Init InitNamed(std::string_view name) {
  for (const facts::Init init :
       {facts::Init::kSystemd, facts::Init::kSysv, facts::Init::kOpenrc, facts::Init::kBusybox})
    if (facts::ToString(init) == name) return init;
  return facts::Init::kUnknown;
}

Boot BootNamed(std::string_view name) {
  if (name == "enabled") return Boot::kEnabled;
  return name == "disabled" ? Boot::kDisabled : Boot::kLeft;
}

Inquiry InquiryNamed(std::string_view name) {
  if (name == "chronyc") return Inquiry::kChronyc;
  if (name == "ntpq") return Inquiry::kNtpq;
  if (name == "ntpctl") return Inquiry::kNtpctl;
  if (name == "agent") return Inquiry::kAgent;
  return name == "timesyncd" ? Inquiry::kTimesyncd : Inquiry::kNone;
}

// "chrony chronyd systemd yes left chronyc", as keep_service of apply.sh writes it.
void ReadService(std::string_view line, BackupRun& run) {
  const std::vector<std::string_view> words = SplitWords(line);
  if (words.size() != 6) return;
  run.services.push_back({.service = std::string(words[0]),
                          .program = std::string(words[1]),
                          .init = InitNamed(words[2]),
                          .was_running = words[3] == "yes",
                          .boot = BootNamed(words[4]),
                          .inquiry = InquiryNamed(words[5])});
}

// Takes the lines between the markers one by one.
class Reader {
 public:
  explicit Reader(facts::AnswerLines lines) : lines_(lines) {}

  Backups Read() {
    while (const auto line = lines_.Next()) {
      if (line->key == "encoding") {
        facts::FileFact ignored;
        facts::ReadContent(line->raw, lines_, open_ == nullptr ? ignored : *open_);
      } else {
        OnLine(line->key, facts::Unescape(line->raw));
      }
    }
    return std::move(backups_);
  }

 private:
  void OnLine(std::string_view key, const std::string& value) {
    if (key == "reached") backups_.reached = true;
    if (key == "run")
      backups_.runs.push_back({.run = value, .files = {}, .services = {}, .firewall = {}});
    if (key == "run" || key == "path") open_ = nullptr;
    if (backups_.runs.empty()) return;
    BackupRun& run = backups_.runs.back();
    if (key == "path") run.files.emplace_back().path = value;
    if (key == "service") ReadService(value, run);
    if (key == "firewall") run.firewall.push_back(value);
    if (!run.files.empty()) OnFileLine(key, value, run.files.back());
  }

  void OnFileLine(std::string_view key, const std::string& value, BackupFile& file) {
    if (key == "kind") file.is_link = value == "link";
    if (key == "link_before") file.link_before = value;
    if (key == "link_now") file.link_now = value;
    if (key != "before" && key != "now") return;
    open_ = key == "before" ? &file.before : &file.now;
    open_->exists = true;
    facts::ReadStat(value, *open_);
  }

  facts::AnswerLines lines_;
  Backups backups_;
  facts::FileFact* open_ = nullptr;  // into the last file of the last run
};

// The oldest of the runs says what was there before all of them; what is there now is the same in
// each.
std::vector<BackupFile> FilesOf(const Backups& backups) {
  std::map<std::string, BackupFile> by_path;
  for (const BackupRun& run : backups.runs)
    for (const BackupFile& file : run.files) by_path.insert_or_assign(file.path, file);
  std::vector<BackupFile> files;
  for (auto& [path, file] : by_path) files.push_back(std::move(file));
  return files;
}

std::optional<Change> Back(const BackupFile& file) {
  if (file.is_link) {
    if (file.link_before.empty() || file.link_before == file.link_now) return std::nullopt;
    return PutLink{file.path, file.link_now, file.link_before};
  }
  PutFile put{.path = file.path,
              .before = {},
              .after = {},
              .check_program = {},
              .secret = file.path.ends_with("keys")};
  if (file.now.exists) put.before = file.now.content;
  if (file.before.exists) put.after = file.before.content;
  if (put.before == put.after) return std::nullopt;
  const facts::FileFact& like = file.before.exists ? file.before : file.now;
  if (like.mode != 0) put.mode = like.mode & 07777;
  if (!like.owner.empty()) put.owner = like.owner;
  if (!like.group.empty()) put.group = like.group;
  return put;
}

bool RunsNow(const BackupService& service, const facts::Facts& actual) {
  if (service.service.ends_with(".timer")) return actual.job_timer;
  return std::any_of(actual.daemons.begin(), actual.daemons.end(), [&](const auto& daemon) {
    return daemon.service == service.service && daemon.running;
  });
}

Run RunBack(const BackupService& service, bool runs, bool files_change) {
  if (!service.was_running) return runs ? Run::kStopped : Run::kLeft;
  if (!runs) return Run::kStarted;
  return files_change ? Run::kRestarted : Run::kLeft;
}

// Those that are to stop come first: two daemons cannot hold UDP 123.
std::vector<Change> ServicesBack(const Backups& backups, const facts::Facts& actual,
                                 bool files_change) {
  std::map<std::string, BackupService> by_name;
  for (const BackupRun& run : backups.runs)
    for (const BackupService& service : run.services)
      by_name.insert_or_assign(service.service, service);
  std::vector<Change> stopped, started;
  for (const auto& [name, service] : by_name) {
    const bool runs = RunsNow(service, actual);
    SetService set{.service = name,
                   .program = service.program,
                   .init = service.init,
                   .run = RunBack(service, runs, files_change),
                   .was_running = runs,
                   .inquiry = service.inquiry};
    if (service.boot == Boot::kEnabled) set.boot = Boot::kDisabled;
    if (service.boot == Boot::kDisabled) set.boot = Boot::kEnabled;
    if (set.run == Run::kLeft && set.boot == Boot::kLeft) continue;
    (set.run == Run::kStopped ? stopped : started).emplace_back(std::move(set));
  }
  std::move(started.begin(), started.end(), std::back_inserter(stopped));
  return stopped;
}

Status CheckThereIsAWayBack(const Backups& backups, const facts::Facts& actual,
                            const std::string& to) {
  if (!actual.is_root)
    return absl::FailedPreconditionError(
        "the commands there did not run as root; set become: sudo, or log in as root");
  if (!to.empty() && !backups.reached)
    return absl::FailedPreconditionError(fmt::format(
        "run {} has changed nothing on this host, or its backup is gone", Printable(to)));
  if (to.empty() && backups.runs.empty())
    return absl::FailedPreconditionError("no push has changed this host, or its backups are gone");
  for (const BackupRun& run : backups.runs)
    for (const BackupFile& file : run.files)
      if (std::max(file.before.content.size(), file.now.content.size()) >= facts::kFileLimit)
        return absl::FailedPreconditionError(fmt::format(
            "{} is larger than 64 KiB: put it back by hand from the backup", Printable(file.path)));
  return absl::OkStatus();
}

}  // namespace

std::string BackupsQuestion(const std::string& state_folder, const std::string& to) {
  return fmt::format("STATE={}\nTO={}\n{}", ShellQuote(state_folder), ShellQuote(to),
                     BackupsScript());
}

StatusOr<Backups> ParseBackups(std::string_view output) {
  FS_ASSIGN_OR_RETURN(
      const facts::AnswerLines lines,
      facts::AnswerLines::Find(output, "fleetsync-backups 1", "reading the host's backups"));
  return Reader(lines).Read();
}

StatusOr<HostPlan> PlanRollback(const Backups& backups, const facts::Facts& actual,
                                const std::string& host, const std::string& to) {
  FS_RETURN_IF_ERROR(CheckThereIsAWayBack(backups, actual, to));
  HostPlan plan{.host = host};
  if (backups.runs.empty()) return plan;
  const std::string because =
      fmt::format("as it was before run {}", Printable(backups.runs.back().run));
  for (const BackupFile& file : FilesOf(backups))
    if (auto change = Back(file)) plan.changes.push_back({*std::move(change), because});
  const bool files_change = !plan.empty();
  SetFirewall firewall{
      .kind = "the firewall", .opened = {}, .closed = {}, .commands = {}, .undo = {}};
  for (const BackupRun& run : backups.runs)
    firewall.commands.insert(firewall.commands.end(), run.firewall.begin(), run.firewall.end());
  if (!firewall.commands.empty()) plan.changes.push_back({std::move(firewall), because});
  for (Change& change : ServicesBack(backups, actual, files_change))
    plan.changes.push_back({std::move(change), because});
  return plan;
}

}  // namespace fleetsync::plan
