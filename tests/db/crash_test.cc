#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <random>

#include "db/check.h"
#include "db/reader.h"
#include "db/writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/report_builder.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::db {
namespace {

constexpr int kRounds = 40;

// Appends batches of growing size and tells each sequence that is on disk, until it is killed.
[[noreturn]] void WriteUntilKilled(const std::string& path, uint64_t first, int acknowledgements) {
  StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
  if (!writer.ok()) _exit(1);
  for (uint64_t sequence = first, batch = 1;; batch = batch % 60 + 1) {
    std::vector<Report> reports;
    for (uint64_t i = 0; i < batch; ++i) reports.push_back(ReportOf("web01", sequence++));
    if (!(*writer)->Append({}, reports).ok()) _exit(2);
    const uint64_t through = sequence - 1;
    if (write(acknowledgements, &through, sizeof through) != sizeof through) _exit(3);
  }
}

// The highest sequence that the child acknowledged before and while it died.
uint64_t KillAfter(pid_t child, int acknowledgements, unsigned count, useconds_t pause) {
  uint64_t through = 0, last = 0;
  for (unsigned i = 0; i < count; ++i)
    if (read(acknowledgements, &through, sizeof through) == sizeof through) last = through;
  usleep(pause);  // moves the kill to another instant of the transaction; nothing waits for it
  kill(child, SIGKILL);
  while (read(acknowledgements, &through, sizeof through) == sizeof through) last = through;
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << WEXITSTATUS(status);
  return last;
}

TEST(StoreCrash, WhatWasAcknowledgedSurvivesKillAtAnyInstant) {
  const uint64_t seed = 20240611;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  uint64_t stored = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) WriteUntilKilled(path, stored + 1, pipe_ends[1]);
    close(pipe_ends[1]);
    const uint64_t acknowledged =
        KillAfter(child, pipe_ends[0], static_cast<unsigned>(random() % 30),
                  static_cast<useconds_t>(random() % 3000));
    close(pipe_ends[0]);

    // The same sequences again, as an agent would resend them: only what is missing is stored.
    StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
    ASSERT_TRUE(writer.ok()) << writer.status();
    Connection& connection = (*writer)->connection();
    const auto count = static_cast<uint64_t>(*connection.Integer("SELECT count(*) FROM reports"));
    const auto highest =
        static_cast<uint64_t>(*connection.Integer("SELECT max(sequence) FROM reports"));
    EXPECT_GE(count, std::max(acknowledged, stored));
    EXPECT_EQ(count, highest) << "no gap";
    EXPECT_EQ(
        static_cast<uint64_t>(*connection.Integer("SELECT max(stored_through) FROM numberings")),
        highest);
    StatusOr<Statement> check = connection.Prepare("PRAGMA integrity_check");
    ASSERT_TRUE(check->Step().ok());
    EXPECT_EQ(check->Text(0), "ok");
    stored = count;
  }
  EXPECT_GT(stored, 0u);
}

TEST(StoreCrash, AKillWhileTheDatabaseIsMadeLeavesNothingThatDoesNotOpen) {
  std::mt19937_64 random(7);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    const TemporaryFolder folder;
    const std::string path = folder.File("fleet.db");
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) WriteUntilKilled(path, 1, pipe_ends[1]);
    close(pipe_ends[1]);
    const uint64_t acknowledged =
        KillAfter(child, pipe_ends[0], 0, static_cast<useconds_t>(random() % 8000));
    close(pipe_ends[0]);
    StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
    ASSERT_TRUE(writer.ok()) << writer.status();
    EXPECT_GE(*(*writer)->connection().Integer("SELECT count(*) FROM reports"),
              static_cast<int64_t>(acknowledged));
  }
}

// Reports of two spools in turn, rolled up and pruned as they come: a minute of them is kept.
[[noreturn]] void WriteAndMaintainUntilKilled(const std::string& path, uint64_t first,
                                              int acknowledgements) {
  StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
  if (!writer.ok()) _exit(1);
  const Retention retention{.reports = std::chrono::minutes(1)};
  for (uint64_t sequence = first, batch = 1;; batch = batch % 60 + 1) {
    std::vector<Report> reports;
    for (uint64_t i = 0; i < batch; ++i) {
      reports.push_back(ReportOf("web01", sequence++));
      reports.back().spool_id = "spool";
    }
    const std::vector<Arrival> arrivals = {{.host = "web01",
                                            .agent_version = "1",
                                            .at = reports.back().received,
                                            .spool_id = batch % 2 == 0 ? "spool" : "unused"}};
    if (!(*writer)->Append(arrivals, reports).ok()) _exit(2);
    const uint64_t through = sequence - 1;
    if (write(acknowledgements, &through, sizeof through) != sizeof through) _exit(3);
    if (!(*writer)->Maintain(reports.back().received, retention).ok()) _exit(4);
  }
}

// Each report is in the days' roll-ups, or still to be rolled up: once.
void ExpectEachCountedOnce(Connection& connection, int64_t through) {
  for (const char* span : {"60", "3600", "86400"}) {
    const auto sum = connection.Integer(
        std::string("SELECT (SELECT ifnull(sum(reports), 0) FROM rollups WHERE span_s = ") + span +
        ") + (SELECT count(*) FROM reports WHERE report_id > (SELECT value FROM progress))");
    EXPECT_EQ(*sum, through) << span;
  }
}

TEST(StoreCrash, EachReportIsCountedOnceWhateverInstantOfRollingUpAndPruningIsTheLast) {
  std::mt19937_64 random(20240612);
  const TemporaryFolder folder;
  const std::string path = folder.File("fleet.db");
  int64_t through = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0)
      WriteAndMaintainUntilKilled(path, static_cast<uint64_t>(through) + 1, pipe_ends[1]);
    close(pipe_ends[1]);
    const uint64_t acknowledged =
        KillAfter(child, pipe_ends[0], static_cast<unsigned>(random() % 20),
                  static_cast<useconds_t>(random() % 5000));
    close(pipe_ends[0]);
    StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
    ASSERT_TRUE(writer.ok()) << writer.status();
    const auto stored = (*writer)->connection().Integer(
        "SELECT max(stored_through) FROM numberings WHERE spool = 'spool'");
    EXPECT_GE(*stored, static_cast<int64_t>(acknowledged));
    through = *stored;
    ExpectEachCountedOnce((*writer)->connection(), through);
    EXPECT_THAT(CheckDatabase(path)->problems, testing::IsEmpty());
  }
  EXPECT_GT(through, 0);
}

// What schema 2's program wrote, and 5,000 more reports.
void MakeSchema2(const std::string& path) {
  std::ofstream(path).close();
  std::ifstream dump("tests/db/fixtures/schema_2.sql");
  StatusOr<Connection> connection = Connection::Open(path, Connection::Mode::kReadWrite);
  ASSERT_TRUE(connection.ok()) << connection.status();
  const Status made = connection->Execute(
      std::string(std::istreambuf_iterator<char>(dump), {}) +
      "INSERT INTO reports WITH RECURSIVE n (i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE"
      " i < 5003) SELECT 1, i, 1, 1790000000000000 + i * 10000000, i * 10000000,"
      " 1790000000000000 + i * 10000000, i, i, 3, 0, i, i, i, i, 2, 3, 255 FROM n;"
      "UPDATE hosts SET stored_through = 5003 WHERE host_id = 1;");
  ASSERT_TRUE(made.ok()) << made;
}

TEST(StoreCrash, AKillWhileTheSchemaIsBroughtUpToDateLosesNothing) {
  std::mt19937_64 random(7);
  for (int round = 0; round < kRounds / 2; ++round) {
    SCOPED_TRACE(round);
    const TemporaryFolder folder;
    const std::string path = folder.File("fleet.db");
    MakeSchema2(path);
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) WriteUntilKilled(path, 5004, pipe_ends[1]);
    close(pipe_ends[1]);
    const uint64_t acknowledged =
        KillAfter(child, pipe_ends[0], 0, static_cast<useconds_t>(random() % 80'000));
    close(pipe_ends[0]);
    StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
    ASSERT_TRUE(writer.ok()) << writer.status();
    EXPECT_GE(*(*writer)->connection().Integer("SELECT count(*) FROM history WHERE host = 'web01'"),
              std::max<int64_t>(5003, static_cast<int64_t>(acknowledged)));
    EXPECT_THAT(CheckDatabase(path)->problems, testing::IsEmpty());
  }
}

}  // namespace
}  // namespace fleetsync::db
