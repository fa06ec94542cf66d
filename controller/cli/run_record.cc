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
#include "db/reader.h"
#include "db/units.h"
#include "db/writer.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kMaxRecord = size_t{64} << 20;

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

// With the process that is at work on it while it is not finished.
std::string ToText(const db::Run& run) {
  Json hosts = Json::array();
  for (const db::RunHost& host : run.hosts)
    hosts.push_back({{"host", host.host}, {"outcome", host.outcome}, {"detail", host.detail}});
  const Json json = {{"run", run.id},
                     {"command", run.command},
                     {"user", run.user},
                     {"controller", run.controller},
                     {"inventory", run.inventory},
                     {"started_us", db::Microseconds(run.started)},
                     {"finished_us", run.finished ? db::Microseconds(*run.finished) : 0},
                     {"process", getpid()},
                     {"hosts", std::move(hosts)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct Waiting {
  db::Run run;
  bool at_work = false;
};

std::optional<Waiting> FromText(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    Waiting waiting{.run = {.id = json.at("run"),
                            .command = json.at("command"),
                            .user = json.at("user"),
                            .controller = json.at("controller"),
                            .inventory = json.at("inventory"),
                            .started = db::InstantFromMicroseconds(json.at("started_us")),
                            .finished = {},
                            .hosts = {}}};
    const int64_t finished = json.at("finished_us");
    if (finished != 0) waiting.run.finished = db::InstantFromMicroseconds(finished);
    const pid_t process = json.at("process");
    waiting.at_work = finished == 0 && process > 0 && (kill(process, 0) == 0 || errno == EPERM);
    for (const Json& host : json.at("hosts"))
      waiting.run.hosts.push_back({host.at("host"), host.at("outcome"), host.at("detail")});
    return waiting;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
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

// Into the store, unless `serve` or another run writes it just now.
Status MoveToStore(const CommonOptions& options) {
  const std::vector<Waiting> waiting = WaitingRuns(options);
  auto writer = db::Writer::Open(DbPath(options));
  if (absl::IsUnavailable(writer.status())) return absl::OkStatus();
  if (!writer.ok()) return writer.status();
  for (const Waiting& one : waiting) {
    if (one.at_work) continue;
    FS_RETURN_IF_ERROR(db::RecordRun((*writer)->connection(), one.run));
    std::error_code error;
    fs::remove(Folder(options) / (one.run.id + ".json"), error);
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
  if (const Status written = WriteFileAtomically(path, ToText(run_), 0600); !written.ok())
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
