#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <random>

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

}  // namespace
}  // namespace fleetsync::db
