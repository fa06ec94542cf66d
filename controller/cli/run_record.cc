#include "controller/cli/run_record.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/clock_read.h"
#include "base/file.h"
#include "base/text.h"
#include "controller/push/report.h"
#include "controller/serve/operator_client.h"
#include "controller/serve/run_json.h"
#include "db/reader.h"
#include "db/writer.h"
#include "fmt/format.h"

namespace fleetsync::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxRecord = size_t{64} << 20;
constexpr Duration kServicePatience = std::chrono::seconds(10);

fs::path Folder(const CommonOptions& options) {
  return fs::path(DbPath(options)).parent_path() / "runs";
}

std::string UserName() {
  const passwd* entry = getpwuid(geteuid());  // NOLINT(concurrency-mt-unsafe): before any thread
  std::string name = entry == nullptr ? std::to_string(geteuid()) : entry->pw_name;
  const char* before = getenv("SUDO_USER");  // NOLINT(concurrency-mt-unsafe)
  return before == nullptr ? name : fmt::format("{} as {}", Printable(before), name);
}

std::string MachineName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

struct Waiting {
  db::Run run;
  bool at_work = false;
};

std::optional<Waiting> FromText(const std::string& text) {
  std::optional<serve::WaitingRun> record = serve::ParseRunJson(text);
  if (!record) return std::nullopt;
  const auto process = static_cast<pid_t>(record->process);
  const bool at_work =
      !record->run.finished && process > 0 && (kill(process, 0) == 0 || errno == EPERM);
  return Waiting{std::move(record->run), at_work};
}

std::vector<Waiting> WaitingRuns(const CommonOptions& options) {
  std::vector<Waiting> runs;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(Folder(options), error)) {
    if (entry.path().extension() != ".json") continue;
    const StatusOr<std::string> text = ReadFile(entry.path().string(), kMaxRecord);
    std::optional<Waiting> waiting = text.ok() ? FromText(*text) : std::nullopt;
    if (waiting) runs.push_back(*std::move(waiting));
  }
  return runs;
}

void RemoveFile(const CommonOptions& options, const db::Run& run) {
  std::error_code error;
  fs::remove(Folder(options) / (run.id + ".json"), error);
}

// To the service that has the store. What it does not take stays in its file.
Status HandToService(const CommonOptions& options, const std::vector<Waiting>& waiting) {
  FS_ASSIGN_OR_RETURN(const auto service,
                      serve::OperatorClient::Local(DbPath(options), kServicePatience));
  for (const Waiting& one : waiting) {
    if (one.at_work) continue;
    FS_RETURN_IF_ERROR(service->RecordRun(serve::RunJson(one.run, 0)));
    RemoveFile(options, one.run);
  }
  return absl::OkStatus();
}

// Into the store, by `serve` when that runs; while another run writes it just now, not at all.
Status MoveToStore(const CommonOptions& options) {
  const std::vector<Waiting> waiting = WaitingRuns(options);
  auto writer = db::Writer::Open(DbPath(options));
  if (absl::IsUnavailable(writer.status())) {
    const Status handed = HandToService(options, waiting);
    return absl::IsNotFound(handed) ? absl::OkStatus() : handed;
  }
  if (!writer.ok()) return writer.status();
  for (const Waiting& one : waiting) {
    if (one.at_work) continue;
    FS_RETURN_IF_ERROR(db::RecordRun((*writer)->connection(), one.run));
    RemoveFile(options, one.run);
  }
  return absl::OkStatus();
}

}  // namespace

RunRecord::RunRecord(const Context& context, std::string id, std::string_view command,
                     const Chosen& chosen)
    : options_(context.options) {
  std::error_code error;
  run_ = {.id = std::move(id),
          .command = std::string(command),
          .user = UserName(),
          .controller = MachineName(),
          .inventory = fs::absolute(chosen.inventory.path, error).string(),
          .started = ReadClocks().system,
          .finished = {},
          .hosts = {}};
  for (const inventory::Host* host : chosen.hosts)
    run_.hosts.push_back({host->name, "unknown", "the run was broken off"});
  Write();
}

void RunRecord::Finish(const std::vector<push::HostResult>& results, bool interrupted) {
  run_.hosts.clear();
  for (const push::HostResult& host : results)
    run_.hosts.push_back({host.host->name, std::string(push::ToString(host.result.outcome)),
                          push::Verdict(host.result)});
  if (interrupted) run_.command += " (interrupted)";
  run_.finished = ReadClocks().system;
  Write();
  if (const Status moved = MoveToStore(options_); !moved.ok())
    PrintError("recording the run: " + Message(moved));
}

void RunRecord::Write() {
  std::error_code error;
  const fs::path folder = Folder(options_);
  if (fs::create_directories(folder, error)) fs::permissions(folder, fs::perms::owner_all, error);
  const std::string path = (folder / (run_.id + ".json")).string();
  if (const Status written = WriteFileAtomically(path, serve::RunJson(run_, getpid()), 0600);
      !written.ok())
    PrintError("recording the run: " + Message(written));
}

StatusOr<std::vector<db::Run>> RecordedRuns(const CommonOptions& options, size_t limit) {
  std::vector<db::Run> runs;
  auto reader = db::Reader::Open(DbPath(options));
  if (reader.ok()) {
    FS_ASSIGN_OR_RETURN(runs, db::ReadRuns((*reader)->connection(), limit));
  } else if (!absl::IsNotFound(reader.status())) {
    return reader.status();
  }
  for (Waiting& waiting : WaitingRuns(options)) runs.push_back(std::move(waiting.run));
  std::sort(runs.begin(), runs.end(),
            [](const db::Run& a, const db::Run& b) { return a.started > b.started; });
  if (runs.size() > limit) runs.resize(limit);
  return runs;
}

}  // namespace fleetsync::cli
