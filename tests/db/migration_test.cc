#include <filesystem>
#include <fstream>
#include <memory>

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

constexpr Migration kFirst = {1, "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);"};
constexpr Migration kSecond = {2, "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;"};
constexpr Migration kBroken = {2, "UPDATE a SET x = 99; CREATE TABLE a (x INTEGER);"};

Connection EmptyDatabase(const TemporaryFolder& folder) {
  const std::string path = folder.File("fleet.db");
  std::ofstream(path).close();
  StatusOr<Connection> connection = Connection::Open(path, Connection::Mode::kReadWrite);
  EXPECT_TRUE(connection.ok()) << connection.status();
  return *std::move(connection);
}

TEST(Migration, NumbersRiseByOne) {
  int expected = 0;
  for (const Migration& migration : Migrations()) EXPECT_EQ(migration.version, ++expected);
}

TEST(Migration, EachStepRunsOnce) {
  const TemporaryFolder folder;
  Connection connection = EmptyDatabase(folder);
  const std::vector<Migration> old = {kFirst}, current = {kFirst, kSecond};
  ASSERT_TRUE(Migrate(connection, old).ok());
  EXPECT_EQ(*connection.Integer("PRAGMA user_version"), 1);
  EXPECT_EQ(*connection.Integer("PRAGMA application_id"), kApplicationId);
  for (int i = 0; i < 2; ++i) {
    const Status status = Migrate(connection, current);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(*connection.Integer("PRAGMA user_version"), 2);
    EXPECT_EQ(*connection.Integer("SELECT sum(y) FROM a"), 2);
  }
}

TEST(Migration, AStepThatFailsIsUndoneAndTheFileIsAsBefore) {
  const TemporaryFolder folder;
  Connection connection = EmptyDatabase(folder);
  const std::vector<Migration> old = {kFirst}, broken = {kFirst, kBroken};
  ASSERT_TRUE(Migrate(connection, old).ok());
  const Status failure = Migrate(connection, broken);
  EXPECT_EQ(Message(failure),
            fmt::format("migrating the database to schema 2: {}: table a already exists (SQLite 1)",
                        folder.File("fleet.db")));
  EXPECT_EQ(*connection.Integer("PRAGMA user_version"), 1);
  EXPECT_EQ(*connection.Integer("SELECT sum(x) FROM a"), 1);
}

TEST(Migration, AnOlderProgramRefusesANewerFile) {
  const TemporaryFolder folder;
  Connection connection = EmptyDatabase(folder);
  const std::vector<Migration> old = {kFirst}, current = {kFirst, kSecond};
  ASSERT_TRUE(Migrate(connection, current).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Migrate(connection, old)));
}

TEST(Migration, ReadersSayThatAnOlderFileMustBeBroughtUpToDateFirst) {
  const TemporaryFolder folder;
  Connection connection = EmptyDatabase(folder);
  const Status failure = CheckSchema(connection);
  EXPECT_TRUE(absl::IsFailedPrecondition(failure)) << failure;
  EXPECT_EQ(Message(failure),
            fmt::format("{} has the older schema 0 (this fleetsync reads {}); 'fleetsync serve' "
                        "brings it up to date when it starts",
                        folder.File("fleet.db"), Migrations().back().version));
}

std::string Fixture(int version) {
  std::ifstream file(fmt::format("tests/db/fixtures/schema_{}.sql", version));
  return {std::istreambuf_iterator<char>(file), {}};
}

// A dump of the database that each schema's program wrote: ReportOf("web01", 1) to 3 and
// ReportOf("db01", 7).
TEST(Migration, FilesOfEverySchemaVersionKeepTheirReports) {
  for (const Migration& migration : Migrations()) {
    SCOPED_TRACE(migration.version);
    const TemporaryFolder folder;
    const std::string dump = Fixture(migration.version);
    ASSERT_FALSE(dump.empty()) << "every version needs its tests/db/fixtures/schema_N.sql";
    {
      Connection connection = EmptyDatabase(folder);
      const Status loaded = connection.Execute(dump);
      ASSERT_TRUE(loaded.ok()) << loaded;
      ASSERT_EQ(*connection.Integer("PRAGMA user_version"), migration.version);
    }
    const StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(folder.File("fleet.db"));
    ASSERT_TRUE(writer.ok()) << writer.status();
    const auto reader = Reader::Open(folder.File("fleet.db"));
    ASSERT_TRUE(reader.ok()) << reader.status();
    const std::vector<HostRecord> fleet = *(*reader)->Fleet();
    ASSERT_EQ(fleet.size(), 2u);
    EXPECT_EQ(fleet[0].host, "db01");
    EXPECT_EQ(fleet[0].stored_through, 7u);
    EXPECT_EQ(fleet[1].report.offset, ReportOf("web01", 3).offset);
    EXPECT_EQ(fleet[1].report.sources.size(), 2u);
    const Report kept = (*reader)->Reports("web01", 1, 1)->at(0), written = ReportOf("web01", 2);
    EXPECT_EQ(kept.stratum, written.stratum);
    EXPECT_EQ(kept.leap, written.leap);
    EXPECT_EQ(kept.host_time, written.host_time);
    EXPECT_EQ(kept.boot_id, written.boot_id);
    EXPECT_EQ(Selected(kept)->reach, Selected(written)->reach);
    EXPECT_EQ((*(*writer)->Maintain(written.received)).more, false);
    const std::vector<std::string> host = {"web01"};
    const auto history = (*reader)->History(host, written.received - std::chrono::hours(1),
                                            written.received + std::chrono::hours(1), 2);
    ASSERT_EQ(history->at(0).points.size(), 1u);
    EXPECT_EQ(history->at(0).points[0].reports, 3u);
    EXPECT_EQ((*reader)->Reports("web01", 0, 10)->size(), 3u);
    const std::vector<Report> next = {ReportOf("web01", 3), ReportOf("web01", 4)};
    EXPECT_EQ((*writer)->Append({}, next)->duplicates, 1u);
  }
}

}  // namespace
}  // namespace fleetsync::db
