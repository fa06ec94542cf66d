#include "db/runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/reader.h"
#include "db/writer.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::db {
namespace {

using std::chrono::seconds;
using RunRow = db::Run;  // testing::Test has a Run of its own

RunRow RunOf(const std::string& id, int at_s) {
  return {.id = id,
          .command = "push",
          .user = "ada as root",
          .controller = "control1",
          .inventory = "/srv/it's.yaml",
          .started = SystemTime(seconds(1'795'000'000 + at_s)),
          .finished = SystemTime(seconds(1'795'000'003 + at_s)),
          .hosts = {{"web02", "changed", "changed (chrony.conf)"}, {"web01", "failed", "why"}}};
}

class Runs : public testing::Test {
 protected:
  void SetUp() override {
    auto writer = Writer::Open(folder_.File("fleet.db"));
    ASSERT_TRUE(writer.ok()) << writer.status();
    writer_ = *std::move(writer);
  }
  void Record(const RunRow& run) {
    const Status recorded = RecordRun(writer_->connection(), run);
    EXPECT_TRUE(recorded.ok()) << recorded;
  }
  std::vector<RunRow> Read(size_t limit) {
    const auto reader = Reader::Open(folder_.File("fleet.db"));
    return *ReadRuns((*reader)->connection(), limit);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(Runs, WhatGoesInComesOut) {
  const RunRow in = RunOf("r1", 0);
  Record(in);
  const std::vector<RunRow> out = Read(10);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].id, "r1");
  EXPECT_EQ(out[0].user, in.user);
  EXPECT_EQ(out[0].inventory, in.inventory);
  EXPECT_EQ(out[0].started, in.started);
  EXPECT_EQ(out[0].finished, in.finished);
  EXPECT_EQ(out[0].hosts, in.hosts);
}

TEST_F(Runs, TheNewestComeFirst) {
  for (const int at : {0, 20, 10}) Record(RunOf("r" + std::to_string(at), at));
  const std::vector<RunRow> out = Read(2);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].id, "r20");
  EXPECT_EQ(out[1].id, "r10");
}

TEST_F(Runs, ARunIsRecordedOnceHoweverOftenItIsSaid) {
  Record(RunOf("r1", 0));
  RunRow again = RunOf("r1", 0);
  again.finished.reset();
  again.hosts = {{"web01", "unknown", "the run was broken off"}};
  Record(again);
  const std::vector<RunRow> out = Read(10);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_FALSE(out[0].finished);
  EXPECT_EQ(out[0].hosts, again.hosts);
}

TEST_F(Runs, OneIsFoundByItsId) {
  Record(RunOf("r1", 0));
  EXPECT_EQ(ReadRun(writer_->connection(), "r1")->hosts.size(), 2u);
  EXPECT_TRUE(absl::IsNotFound(ReadRun(writer_->connection(), "r2").status()));
}

}  // namespace
}  // namespace fleetsync::db
