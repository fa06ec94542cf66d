#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "db/backup.h"
#include "db/check.h"
#include "db/reader.h"
#include "db/schema.h"
#include "db/writer.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/report_builder.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::db {
namespace {

using testing::HasSubstr;

std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteBytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::vector<Report> Batch(uint64_t first, uint64_t count) {
  std::vector<Report> reports;
  for (uint64_t i = 0; i < count; ++i) reports.push_back(ReportOf("web01", first + i));
  return reports;
}

// The highest sequence that was stored before a batch failed, and that failure.
struct UntilFailure {
  uint64_t stored_through = 0;
  Status failure;
};
UntilFailure AppendUntilFailure(Writer& writer) {
  constexpr uint64_t kBatch = 100;
  for (uint64_t first = 1; first < 1'000'000; first += kBatch) {
    const StatusOr<Appended> appended = writer.Append({}, Batch(first, kBatch));
    if (!appended.ok()) return {first - 1, appended.status()};
  }
  return {};
}

void ExpectStoredExactlyThrough(const std::string& path, uint64_t last) {
  StatusOr<Connection> connection = Connection::Open(path, Connection::Mode::kReadOnly);
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(*connection->Integer("SELECT count(*) FROM reports"), static_cast<int64_t>(last));
  EXPECT_EQ(*connection->Integer("SELECT max(sequence) FROM reports"), static_cast<int64_t>(last));
  StatusOr<Statement> check = connection->Prepare("PRAGMA integrity_check");
  ASSERT_TRUE(check->Step().ok());
  EXPECT_EQ(check->Text(0), "ok");
}

TEST(StoreFaults, AFullDatabaseSaysSoLosesNothingAndGoesOnWhenThereIsRoom) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE((*writer)->connection().Execute("PRAGMA max_page_count = 100").ok());

  const UntilFailure full = AppendUntilFailure(**writer);
  EXPECT_GT(full.stored_through, 0u);
  EXPECT_TRUE(absl::IsResourceExhausted(full.failure)) << full.failure;
  EXPECT_EQ(Message(full.failure),
            fmt::format("{}: no room to write (database or disk is full); free space on its file "
                        "system",
                        path));
  ExpectStoredExactlyThrough(path, full.stored_through);

  ASSERT_TRUE((*writer)->connection().Execute("PRAGMA max_page_count = 100000").ok());
  const StatusOr<Appended> retried = (*writer)->Append({}, Batch(full.stored_through + 1, 100));
  ASSERT_TRUE(retried.ok()) << retried.status();
  EXPECT_EQ(retried->stored, 100u);
  ExpectStoredExactlyThrough(path, full.stored_through + 100);
}

// Files of this process may not grow beyond it, as if the disk ended there.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &saved_);
    rlimit limit = saved_;
    limit.rlim_cur = bytes;
    old_handler_ = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &saved_);
    signal(SIGXFSZ, old_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit saved_{};
  void (*old_handler_)(int) = SIG_DFL;
};

TEST(StoreFaults, AWriteThatFindsNoRoomAtAnyLengthLosesNothing) {
  for (const rlim_t limit : {150'000, 163'841, 400'000, 1'000'000}) {
    const TemporaryFolder folder;
    const std::string path = folder.File("fleet.db");
    StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
    ASSERT_TRUE(writer.ok()) << writer.status();
    UntilFailure full;
    {
      const FileSizeLimit no_room(limit);
      full = AppendUntilFailure(**writer);
    }
    EXPECT_TRUE(absl::IsResourceExhausted(full.failure)) << limit << ": " << full.failure;
    const StatusOr<Appended> retried = (*writer)->Append({}, Batch(full.stored_through + 1, 100));
    ASSERT_TRUE(retried.ok()) << limit << ": " << retried.status();
    ExpectStoredExactlyThrough(path, full.stored_through + 100);
  }
}

int64_t Counted(Connection& connection) {
  return *connection.Integer(
      "SELECT (SELECT ifnull(sum(reports), 0) FROM rollups WHERE span_s = 86400) +"
      " (SELECT count(*) FROM reports WHERE report_id > (SELECT value FROM progress))");
}

TEST(StoreFaults, AFullDatabaseIsMaintainedAgainWhenThereIsRoomAndCountsNothingTwice) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
  ASSERT_TRUE((*writer)->connection().Execute("PRAGMA max_page_count = 100").ok());
  const UntilFailure full = AppendUntilFailure(**writer);
  const SystemTime now = ReportOf("web01", full.stored_through).received;

  const Status failure = (*writer)->Maintain(now).status();
  EXPECT_TRUE(absl::IsResourceExhausted(failure)) << failure;
  EXPECT_EQ(*(*writer)->connection().Integer("SELECT count(*) FROM rollups"), 0);
  ExpectStoredExactlyThrough(path, full.stored_through);

  ASSERT_TRUE((*writer)->connection().Execute("PRAGMA max_page_count = 100000").ok());
  const StatusOr<Maintained> done = (*writer)->Maintain(now);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->rolled_up, full.stored_through);
  EXPECT_EQ(Counted((*writer)->connection()), static_cast<int64_t>(full.stored_through));
}

TEST(StoreFaults, AFullDatabaseMakesRoomByWhatItMayPrune) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
  ASSERT_TRUE((*writer)->Append({}, Batch(1, 5000)).ok());
  ASSERT_TRUE((*writer)->Maintain(ReportOf("web01", 5000).received).ok());
  std::vector<Report> others;
  for (uint64_t i = 1; i <= 200; ++i) others.push_back(ReportOf(fmt::format("host{}", i), 5000));
  ASSERT_TRUE((*writer)->Append({}, others).ok());
  const int64_t pages = *(*writer)->connection().Integer("PRAGMA page_count");
  ASSERT_TRUE(
      (*writer)->connection().Execute(fmt::format("PRAGMA max_page_count = {}", pages)).ok());
  const SystemTime now = ReportOf("web01", 5000).received + std::chrono::hours(100);
  EXPECT_TRUE(absl::IsResourceExhausted((*writer)->Maintain(now).status()));
  const StatusOr<Maintained> second = (*writer)->Maintain(now);
  EXPECT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(Counted((*writer)->connection()), 5200);
}

TEST(StoreFaults, MaintenanceThatFindsNoRoomOnTheDiskLeavesNothingHalfDone) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
  ASSERT_TRUE((*writer)->Append({}, Batch(1, 3000)).ok());
  const SystemTime now = ReportOf("web01", 3000).received;
  const rlim_t log = std::filesystem::file_size(path + "-wal");
  for (const rlim_t room : {1, 5'000, 12'000}) {
    const FileSizeLimit no_room(log + room);
    const Status failure = (*writer)->Maintain(now).status();
    EXPECT_TRUE(absl::IsResourceExhausted(failure)) << room << ": " << failure;
    EXPECT_EQ(Counted((*writer)->connection()), 3000);
  }
  EXPECT_EQ((*writer)->Maintain(now)->rolled_up, 3000u);
  EXPECT_EQ(Counted((*writer)->connection()), 3000);
  EXPECT_THAT(CheckDatabase(path)->problems, testing::IsEmpty());
}

TEST(StoreFaults, ABackupThatFindsNoRoomLeavesNothingBehind) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db"), copy = folder.File("copy.db");
  StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
  ASSERT_TRUE((*writer)->Append({}, Batch(1, 3000)).ok());
  {
    const FileSizeLimit no_room(100'000);
    const Status failure = BackUp(path, copy);
    EXPECT_TRUE(absl::IsResourceExhausted(failure)) << failure;
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr("copy")));
  EXPECT_TRUE(BackUp(path, copy).ok());
}

TEST(StoreFaults, AFileThatIsNoDatabaseIsSaidSoAndLeftAsItIs) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  const std::string garbage(8192, 'x');
  WriteBytes(path, garbage);

  const Status failure = Writer::Open(path).status();
  EXPECT_TRUE(absl::IsDataLoss(failure)) << failure;
  EXPECT_EQ(
      Message(failure),
      fmt::format("{0}: the database is damaged or is none (file is not a database); it was "
                  "left as it is: keep a copy, then try 'sqlite3 {0} .recover | sqlite3 NEW', "
                  "or move it away to start an empty one",
                  path));
  EXPECT_TRUE(absl::IsDataLoss(Reader::Open(path).status()));
  EXPECT_EQ(ReadBytes(path), garbage);
}

TEST(StoreFaults, DamagedPagesAreSaidSoByReaderAndWriter) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  { ASSERT_TRUE((*Writer::Open(path))->Append({}, Batch(1, 2000)).ok()); }
  std::string bytes = ReadBytes(path);
  ASSERT_GT(bytes.size(), 65536u);
  // Page 1 holds the schema; everything behind it is tables.
  std::fill(bytes.begin() + 4096, bytes.end(), '\xa5');
  WriteBytes(path, bytes);

  const StatusOr<std::unique_ptr<Reader>> reader = Reader::Open(path);
  if (reader.ok()) {
    EXPECT_TRUE(absl::IsDataLoss((*reader)->Fleet().status())) << (*reader)->Fleet().status();
  }
  StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
  const Status failure =
      writer.ok() ? (*writer)->Append({}, Batch(2001, 1)).status() : writer.status();
  EXPECT_TRUE(absl::IsDataLoss(failure)) << failure;
}

TEST(StoreFaults, ADatabaseEmptiedFromOutsideIsNotTakenForANewOne) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  std::filesystem::create_directory(folder.File("copy"));
  {
    const auto writer = Writer::Open(path);
    ASSERT_TRUE((*writer)->Append({}, Batch(1, 1)).ok());
    for (const std::string suffix : {"", "-wal"})
      std::filesystem::copy_file(path + suffix, folder.File("copy/fleet.db" + suffix));
  }
  const std::string copy = folder.File("copy/fleet.db");
  WriteBytes(copy, "");
  const Status failure = Writer::Open(copy).status();
  EXPECT_TRUE(absl::IsDataLoss(failure)) << failure;
  EXPECT_GT(std::filesystem::file_size(copy + "-wal"), 0u);
}

TEST(StoreFaults, AnotherProgramsDatabaseIsRefusedAndLeftAsItIs) {
  const TemporaryFolder folder;
  const std::string path = folder.File("other.db");
  WriteBytes(path, "");
  {
    StatusOr<Connection> other = Connection::Open(path, Connection::Mode::kReadWrite);
    ASSERT_TRUE(other->Execute("CREATE TABLE bookmarks (url TEXT)").ok());
  }
  const std::string before = ReadBytes(path);
  const Status failure = Writer::Open(path).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(failure)) << failure;
  EXPECT_EQ(Message(failure),
            path + " is another program's SQLite database; name another file with --db");
  EXPECT_TRUE(absl::IsFailedPrecondition(Reader::Open(path).status()));
  EXPECT_EQ(ReadBytes(path), before);
}

TEST(StoreFaults, ANewerSchemaIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  const int newer = Migrations().back().version + 1;
  ASSERT_TRUE((*Writer::Open(path))
                  ->connection()
                  .Execute(fmt::format("PRAGMA user_version = {}", newer))
                  .ok());
  const Status failure = Writer::Open(path).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(failure)) << failure;
  EXPECT_EQ(Message(failure),
            fmt::format("{} was written by a newer fleetsync (schema {}, this one knows {}); use "
                        "that one",
                        path, newer, newer - 1));
  EXPECT_TRUE(absl::IsFailedPrecondition(Reader::Open(path).status()));
}

TEST(StoreFaults, ASecondWriterIsRefusedWithTheProcessThatHoldsIt) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  const auto writer = Writer::Open(path);
  ASSERT_TRUE(writer.ok()) << writer.status();
  std::filesystem::create_symlink(path, folder.File("alias.db"));

  for (const std::string& name : {path, folder.File("alias.db")}) {
    const Status failure = Writer::Open(name).status();
    EXPECT_TRUE(absl::IsUnavailable(failure)) << failure;
    EXPECT_EQ(Message(failure),
              fmt::format("{}.lock is held by process {}: one program at a time may write the "
                          "database; stop that one first",
                          path, getpid()));
  }
}

TEST(StoreFaults, AForeignLockIsSaidSoAndAnAppendAfterItSucceeds) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
  ASSERT_TRUE((*writer)->connection().Execute("PRAGMA busy_timeout = 1").ok());
  StatusOr<Connection> other = Connection::Open(path, Connection::Mode::kReadWrite);
  ASSERT_TRUE(other->Execute("BEGIN IMMEDIATE").ok());

  const Status failure = (*writer)->Append({}, Batch(1, 1)).status();
  EXPECT_TRUE(absl::IsUnavailable(failure)) << failure;
  EXPECT_EQ(Message(failure),
            path + ": locked by another program that writes it (database is locked)");
  ASSERT_TRUE(other->Execute("ROLLBACK").ok());
  EXPECT_TRUE((*writer)->Append({}, Batch(1, 1)).ok());
}

TEST(StoreFaults, AMissingDatabaseIsNotFoundAndNotMade) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  const Status failure = Reader::Open(path).status();
  EXPECT_TRUE(absl::IsNotFound(failure)) << failure;
  EXPECT_EQ(Message(failure), "there is no database " + path +
                                  "; 'fleetsync serve' makes it, and --db names another");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(StoreFaults, AFailedAppendLeavesNoHalfOfItself) {
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
  std::vector<Report> batch = Batch(1, 3);
  batch[2].stratum = 99;  // the schema's own check refuses it
  batch.insert(batch.begin(), ReportOf("new-host", 1));
  EXPECT_FALSE((*writer)->Append({}, batch).ok());
  ExpectStoredExactlyThrough(path, 0);
  EXPECT_EQ(*(*writer)->connection().Integer("SELECT count(*) FROM hosts"), 0);
  // What the failed transaction had looked up is forgotten: ids would be wrong otherwise.
  EXPECT_TRUE((*writer)->Append({}, Batch(1, 2)).ok());
  EXPECT_EQ(*(*writer)->connection().Integer("SELECT count(*) FROM pragma_foreign_key_check()"), 0);
  ExpectStoredExactlyThrough(path, 2);
}

}  // namespace
}  // namespace fleetsync::db
