#include <memory>

#include "db/reader.h"
#include "db/writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/report_builder.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::db {
namespace {

using testing::ElementsAre;

class Numbering : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    writer_.reset();
    auto writer = Writer::Open(folder_.File("fleet.db"));
    ASSERT_TRUE(writer.ok()) << writer.status();
    writer_ = *std::move(writer);
  }
  // What the arrival of web01 with this spool is told.
  uint64_t Arrive(const std::string& spool) {
    const std::vector<Arrival> arrivals = {
        {.host = "web01", .agent_version = "1", .at = {}, .spool_id = spool}};
    const auto appended = writer_->Append(arrivals, {});
    EXPECT_TRUE(appended.ok()) << appended.status();
    return appended->stored_through.at(0);
  }
  Appended Append(std::vector<uint64_t> sequences, const std::string& spool = "") {
    std::vector<Report> reports;
    for (const uint64_t sequence : sequences) {
      reports.push_back(ReportOf("web01", sequence));
      reports.back().spool_id = spool;
    }
    const auto appended = writer_->Append({}, reports);
    EXPECT_TRUE(appended.ok()) << appended.status();
    return *appended;
  }
  int64_t Count(const std::string& where) {
    return *writer_->connection().Integer("SELECT count(*) FROM history WHERE " + where);
  }
  HostRecord Web01() {
    const auto reader = Reader::Open(folder_.File("fleet.db"));
    return (*reader)->Fleet()->at(0);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(Numbering, AnotherSpoolBeginsAnewAndTheOldRowsStay) {
  EXPECT_EQ(Arrive("a"), 0u);
  Append({1, 2, 3});
  EXPECT_EQ(Arrive("a"), 3u);
  EXPECT_EQ(Arrive("b"), 0u);
  EXPECT_EQ(Append({1, 2}).stored, 2u);
  EXPECT_EQ(Append({2}).duplicates, 1u);
  EXPECT_EQ(Count("spool = 'a'"), 3);
  EXPECT_EQ(Count("spool = 'b'"), 2);
  EXPECT_EQ(Web01().stored_through, 2u);
  EXPECT_EQ(Web01().report.sequence, 2u);
}

TEST_F(Numbering, ASpoolThatComesBackGoesOnWhereItWas) {
  Arrive("a");
  Append({1, 2, 3});
  Arrive("b");
  Append({1});
  Reopen();
  EXPECT_EQ(Arrive("a"), 3u);
  EXPECT_EQ(Append({3, 4}).stored, 1u);
  EXPECT_EQ(Count("1"), 5);
}

TEST_F(Numbering, AHostBetweenSpoolsKeepsItsNewestReport) {
  Arrive("a");
  Append({7});
  Arrive("b");
  EXPECT_EQ(Web01().stored_through, 0u);
  EXPECT_TRUE(Web01().has_report);
  EXPECT_EQ(Web01().report.sequence, 7u);
}

TEST_F(Numbering, AReportThatNamesItsSpoolIsNotTakenForTheNewOnes) {
  Arrive("a");
  Append({1, 2});
  Arrive("b");
  // Of the stream that "b" has replaced, in the queue until now.
  EXPECT_EQ(Append({3}, "a").stored, 1u);
  EXPECT_EQ(Append({1}, "b").stored, 1u);
  EXPECT_EQ(Arrive("a"), 3u);
  EXPECT_EQ(Arrive("b"), 1u);
}

TEST_F(Numbering, AnAgentThatTellsNoSpoolHasTheOldNumbering) {
  Append({1, 2});
  EXPECT_EQ(Arrive(""), 2u);
  Reopen();
  EXPECT_EQ(Append({2, 3}).stored, 1u);
  EXPECT_EQ(Arrive(""), 3u);
}

TEST_F(Numbering, WhatIsPrunedDoesNotComeBack) {
  Arrive("a");
  Append({1, 2, 3});
  const SystemTime later = ReportOf("web01", 3).received + std::chrono::hours(100);
  EXPECT_EQ((*writer_->Maintain(later)).rolled_up, 3u);
  EXPECT_EQ(Count("1"), 0);
  EXPECT_EQ(Append({1, 2, 3}).duplicates, 3u);
  EXPECT_EQ(Append({4}).stored, 1u);
  EXPECT_EQ((*writer_->Maintain(later)).rolled_up, 1u) << "numbers of the log are not used again";
}

}  // namespace
}  // namespace fleetsync::db
