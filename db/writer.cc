#include "db/writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "db/schema.h"
#include "db/units.h"
#include "fmt/format.h"

namespace fleetsync::db {
namespace {

// Texts are few (boots, daemons, sources); a hostile agent's many must not fill the memory.
constexpr size_t kMaxKnownTexts = 65536;

Status CreateFolder(const std::filesystem::path& folder) {
  std::error_code error;
  if (folder.empty() || std::filesystem::is_directory(folder, error)) return absl::OkStatus();
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return ErrnoStatus(errno, "creating folder " + folder.string());
  return absl::OkStatus();
}

Status SyncFolder(const std::filesystem::path& folder) {
  const std::string name = folder.empty() ? "." : folder.string();
  const int fd = open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "opening folder " + name);
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, "syncing folder " + name);
}

// Creates the file only when there is none: closing any descriptor of a database that this process
// has open would drop SQLite's locks on it (fcntl(2)).
Status CreateFile(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return errno == EEXIST ? absl::OkStatus() : ErrnoStatus(errno, "creating database " + path);
  close(fd);
  return SyncFolder(std::filesystem::path(path).parent_path());
}

// SQLite takes an empty file for a new database and throws its log away. With a log beside it, it
// was no new one.
Status CheckNotEmptied(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error || size != 0) return absl::OkStatus();
  const auto log_size = std::filesystem::file_size(path + "-wal", error);
  if (error || log_size == 0) return absl::OkStatus();
  return absl::DataLossError(
      fmt::format("{}: the database is empty, but its log {}-wal is not: it was emptied from "
                  "outside; restore it from a copy, or move both away to start an empty one",
                  path, path));
}

StatusOr<std::string> Canonical(const std::string& path) {
  std::error_code error;
  const std::filesystem::path canonical = std::filesystem::canonical(path, error);
  if (error) return ErrnoStatus(error.value(), "opening database " + path);
  return canonical.string();
}

}  // namespace

struct Writer::Statements {
  Statement find_host, add_host, update_arrival, advance_host;
  Statement find_text, add_text;
  Statement add_report, delete_sources, add_source;

  static StatusOr<std::unique_ptr<Statements>> Prepare(Connection& connection);
};

StatusOr<std::unique_ptr<Writer::Statements>> Writer::Statements::Prepare(Connection& c) {
  FS_ASSIGN_OR_RETURN(Statement find_host,
                      c.Prepare("SELECT host_id, stored_through FROM hosts WHERE name = ?"));
  FS_ASSIGN_OR_RETURN(
      Statement add_host,
      c.Prepare("INSERT INTO hosts (name, agent_version, first_seen_us, last_seen_us,"
                " stored_through) VALUES (?1, '', ?2, ?2, 0) RETURNING host_id"));
  FS_ASSIGN_OR_RETURN(Statement update_arrival,
                      c.Prepare("UPDATE hosts SET agent_version = ?2,"
                                " last_seen_us = max(last_seen_us, ?3) WHERE host_id = ?1"));
  FS_ASSIGN_OR_RETURN(Statement advance_host,
                      c.Prepare("UPDATE hosts SET stored_through = max(stored_through, ?2),"
                                " last_seen_us = max(last_seen_us, ?3) WHERE host_id = ?1"));
  FS_ASSIGN_OR_RETURN(Statement find_text, c.Prepare("SELECT text_id FROM texts WHERE text = ?"));
  FS_ASSIGN_OR_RETURN(Statement add_text,
                      c.Prepare("INSERT INTO texts (text) VALUES (?) RETURNING text_id"));
  FS_ASSIGN_OR_RETURN(
      Statement add_report,
      c.Prepare("INSERT INTO reports (host_id, sequence, boot_id, host_time_us, monotonic_us,"
                " received_us, offset_ns, error_bound_ns, stratum, leap, frequency_ppb,"
                " root_delay_ns, root_dispersion_ns, jitter_ns, daemon, source, reach)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
                " ?17) ON CONFLICT DO NOTHING"));
  FS_ASSIGN_OR_RETURN(Statement delete_sources, c.Prepare("DELETE FROM sources WHERE host_id = ?"));
  FS_ASSIGN_OR_RETURN(
      Statement add_source,
      c.Prepare("INSERT INTO sources (host_id, position, sequence, name, address, state, stratum,"
                " reach, poll, offset_ns, delay_ns, jitter_ns, last_sample_age_us, reference_id)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"));
  return std::make_unique<Statements>(
      Statements{std::move(find_host), std::move(add_host), std::move(update_arrival),
                 std::move(advance_host), std::move(find_text), std::move(add_text),
                 std::move(add_report), std::move(delete_sources), std::move(add_source)});
}

Writer::Writer(LockFile lock, Connection connection)
    : lock_(std::move(lock)), connection_(std::move(connection)) {}

Writer::~Writer() = default;

StatusOr<std::unique_ptr<Writer>> Writer::Open(const std::string& path) {
  FS_RETURN_IF_ERROR(CreateFolder(std::filesystem::path(path).parent_path()));
  FS_RETURN_IF_ERROR(CreateFile(path));
  // Two names of one file must meet at one lock.
  FS_ASSIGN_OR_RETURN(const std::string file, Canonical(path));
  FS_ASSIGN_OR_RETURN(LockFile lock, LockFile::Acquire(file + ".lock"));
  FS_RETURN_IF_ERROR(CheckNotEmptied(file));
  FS_ASSIGN_OR_RETURN(Connection connection, Connection::Open(file, Connection::Mode::kReadWrite));
  FS_RETURN_IF_ERROR(CheckOwner(connection));
  FS_RETURN_IF_ERROR(connection.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
  FS_RETURN_IF_ERROR(Migrate(connection));
  std::unique_ptr<Writer> writer(new Writer(std::move(lock), std::move(connection)));
  FS_ASSIGN_OR_RETURN(writer->statements_, Statements::Prepare(writer->connection_));
  return writer;
}

StatusOr<Appended> Writer::Append(std::span<const Arrival> arrivals,
                                  std::span<const Report> reports) {
  StatusOr<Appended> appended = AppendInTransaction(arrivals, reports);
  if (!appended.ok()) {
    hosts_.clear();
    texts_.clear();
  }
  return appended;
}

StatusOr<Appended> Writer::AppendInTransaction(std::span<const Arrival> arrivals,
                                               std::span<const Report> reports) {
  FS_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection_));
  Appended appended;
  for (const Arrival& arrival : arrivals) FS_RETURN_IF_ERROR(RecordArrival(arrival));
  Advances advances;
  for (const Report& report : reports) {
    FS_ASSIGN_OR_RETURN(const KnownHost* host, FindOrAddHost(report.host, report.received));
    FS_ASSIGN_OR_RETURN(const bool stored, Insert(report, host->host_id));
    ++(stored ? appended.stored : appended.duplicates);
    Advance& advance = advances[report.host];
    advance.seen = std::max(advance.seen, report.received);
    if (stored && (advance.newest == nullptr || report.sequence > advance.newest->sequence))
      advance.newest = &report;
  }
  for (const auto& [name, advance] : advances)
    FS_RETURN_IF_ERROR(RecordAdvance(advance, hosts_.find(name)->second));
  for (const Arrival& arrival : arrivals)
    appended.stored_through.push_back(hosts_.find(arrival.host)->second.stored_through);
  FS_RETURN_IF_ERROR(transaction.Commit());
  return appended;
}

StatusOr<Writer::KnownHost*> Writer::FindOrAddHost(std::string_view name, SystemTime seen) {
  if (const auto it = hosts_.find(name); it != hosts_.end()) return &it->second;
  KnownHost host;
  Statement& find = statements_->find_host.Bind(1, name);
  FS_ASSIGN_OR_RETURN(const bool known, find.Step());
  if (known) {
    host = {find.Integer(0), static_cast<uint64_t>(find.Integer(1))};
    find.Reset();
  } else {
    Statement& add = statements_->add_host.Bind(1, name).Bind(2, Microseconds(seen));
    FS_RETURN_IF_ERROR(add.Step().status());
    host.host_id = add.Integer(0);
    add.Reset();
  }
  return &hosts_.emplace(name, host).first->second;
}

StatusOr<int64_t> Writer::TextId(std::string_view text) {
  if (const auto it = texts_.find(text); it != texts_.end()) return it->second;
  if (texts_.size() >= kMaxKnownTexts) texts_.clear();
  Statement& find = statements_->find_text.Bind(1, text);
  FS_ASSIGN_OR_RETURN(const bool known, find.Step());
  Statement& row = known ? find : statements_->add_text.Bind(1, text);
  if (!known) FS_RETURN_IF_ERROR(row.Step().status());
  const int64_t id = row.Integer(0);
  row.Reset();
  texts_.emplace(text, id);
  return id;
}

Status Writer::RecordArrival(const Arrival& arrival) {
  FS_ASSIGN_OR_RETURN(const KnownHost* host, FindOrAddHost(arrival.host, arrival.at));
  return statements_->update_arrival.Bind(1, host->host_id)
      .Bind(2, arrival.agent_version)
      .Bind(3, Microseconds(arrival.at))
      .Run();
}

StatusOr<bool> Writer::Insert(const Report& report, int64_t host_id) {
  const Source* selected = Selected(report);
  FS_ASSIGN_OR_RETURN(const int64_t boot_id, TextId(report.boot_id));
  FS_ASSIGN_OR_RETURN(const int64_t daemon, TextId(report.daemon));
  FS_ASSIGN_OR_RETURN(const int64_t source, TextId(selected == nullptr ? "" : selected->name));
  FS_RETURN_IF_ERROR(statements_->add_report.Bind(1, host_id)
                         .Bind(2, static_cast<int64_t>(report.sequence))
                         .Bind(3, boot_id)
                         .Bind(4, Microseconds(report.host_time))
                         .Bind(5, Microseconds(report.monotonic))
                         .Bind(6, Microseconds(report.received))
                         .Bind(7, report.offset.count())
                         .Bind(8, report.error_bound.count())
                         .Bind(9, int64_t{report.stratum})
                         .Bind(10, int64_t{report.leap})
                         .Bind(11, report.frequency_ppb)
                         .Bind(12, report.root_delay.count())
                         .Bind(13, report.root_dispersion.count())
                         .Bind(14, report.jitter.count())
                         .Bind(15, daemon)
                         .Bind(16, source)
                         .Bind(17, int64_t{selected == nullptr ? uint8_t{0} : selected->reach})
                         .Run());
  return connection_.changes() == 1;
}

Status Writer::RecordAdvance(const Advance& advance, KnownHost& host) {
  const uint64_t newest = advance.newest == nullptr ? 0 : advance.newest->sequence;
  FS_RETURN_IF_ERROR(statements_->advance_host.Bind(1, host.host_id)
                         .Bind(2, static_cast<int64_t>(newest))
                         .Bind(3, Microseconds(advance.seen))
                         .Run());
  if (newest <= host.stored_through) return absl::OkStatus();
  host.stored_through = newest;
  return ReplaceSources(*advance.newest, host.host_id);
}

Status Writer::ReplaceSources(const Report& report, int64_t host_id) {
  FS_RETURN_IF_ERROR(statements_->delete_sources.Bind(1, host_id).Run());
  int64_t position = 0;
  for (const Source& source : report.sources) {
    FS_RETURN_IF_ERROR(statements_->add_source.Bind(1, host_id)
                           .Bind(2, position++)
                           .Bind(3, static_cast<int64_t>(report.sequence))
                           .Bind(4, source.name)
                           .Bind(5, source.address)
                           .Bind(6, int64_t{source.state})
                           .Bind(7, int64_t{source.stratum})
                           .Bind(8, int64_t{source.reach})
                           .Bind(9, int64_t{source.poll})
                           .Bind(10, source.offset.count())
                           .Bind(11, source.delay.count())
                           .Bind(12, source.jitter.count())
                           .Bind(13, Microseconds(source.last_sample_age))
                           .Bind(14, source.reference_id)
                           .Run());
  }
  return absl::OkStatus();
}

}  // namespace fleetsync::db
