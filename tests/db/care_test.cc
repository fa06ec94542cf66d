#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "db/backup.h"
#include "db/check.h"
#include "db/reader.h"
#include "db/writer.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/report_builder.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::db {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Report> Batch(uint64_t first, uint64_t count) {
  std::vector<Report> reports;
  for (uint64_t i = 0; i < count; ++i) reports.push_back(ReportOf("web01", first + i));
  return reports;
}

class Care : public testing::Test {
 protected:
  void SetUp() override {
    auto writer = Writer::Open(path_);
    ASSERT_TRUE(writer.ok()) << writer.status();
    writer_ = *std::move(writer);
    ASSERT_TRUE(writer_->Append({}, Batch(1, 2000)).ok());
    ASSERT_TRUE(writer_->Maintain(ReportOf("web01", 2000).received).ok());
  }
  std::vector<std::string> Problems() {
    const auto report = CheckDatabase(path_);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? report->problems : std::vector<std::string>{};
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.File("fleet.db");
  std::unique_ptr<Writer> writer_;
};

TEST_F(Care, ASoundDatabaseIsFoundSoundWhileItIsWritten) {
  const auto report = CheckDatabase(path_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->problems, IsEmpty());
  EXPECT_EQ(report->schema, 3);
  EXPECT_GT(report->bytes, 100'000);
  EXPECT_THAT(report->rows, testing::Contains(std::pair<std::string, int64_t>("reports", 2000)));
}

TEST_F(Care, DamagedPagesAreNamed) {
  writer_.reset();
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5 * 4096);
    file << std::string(4096 * 8, '\xa5');
  }
  EXPECT_FALSE(Problems().empty());
  const Status copied = BackUp(path_, folder_.File("copy.db"));
  EXPECT_TRUE(absl::IsDataLoss(copied)) << copied;
  EXPECT_FALSE(std::filesystem::exists(folder_.File("copy.db")));
}

TEST_F(Care, WhatBreaksTheStoresOwnRulesIsNamed) {
  ASSERT_TRUE(writer_->connection().Execute("UPDATE numberings SET stored_through = 1990").ok());
  EXPECT_THAT(Problems(), ElementsAre("10 reports beyond the end of their numbering"));
  ASSERT_TRUE(writer_->connection()
                  .Execute("UPDATE numberings SET stored_through = 2000;"
                           "UPDATE reports SET sequence = 5 WHERE sequence = 100")
                  .ok());
  EXPECT_THAT(Problems(),
              ElementsAre("1 reports that are not after the one before of their host's numbering"));
  ASSERT_TRUE(writer_->connection().Execute("DELETE FROM contexts").ok());
  EXPECT_THAT(Problems(), testing::Contains(HasSubstr(
                              "2000 rows of reports refer to rows of contexts that are missing")));
}

TEST_F(Care, AMissingOrForeignFileIsAnErrorOfItsOwn) {
  EXPECT_TRUE(absl::IsNotFound(CheckDatabase(folder_.File("none.db")).status()));
  EXPECT_TRUE(absl::IsNotFound(BackUp(folder_.File("none.db"), folder_.File("copy.db"))));
  std::ofstream(folder_.File("text.db")) << std::string(10'000, 'x');
  EXPECT_EQ(CheckDatabase(folder_.File("text.db"))->problems.size(), 1u);
}

TEST_F(Care, ABackupIsWholeAndItsOwnersAlone) {
  const std::string copy = folder_.File("copy.db");
  const Status copied = BackUp(path_, copy);
  ASSERT_TRUE(copied.ok()) << copied;
  struct stat info {};
  ASSERT_EQ(stat(copy.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_THAT(CheckDatabase(copy)->problems, IsEmpty());
  EXPECT_EQ((*Reader::Open(copy))->Reports("web01", 0, 10'000)->size(), 2000u);
  EXPECT_TRUE(Writer::Open(copy).ok()) << "it can be put in the place of the database";
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
    EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr("partial")));
}

TEST_F(Care, ABackupReplacesNothing) {
  const std::string copy = folder_.File("copy.db");
  std::ofstream(copy) << "precious";
  const Status refused = BackUp(path_, copy);
  EXPECT_TRUE(absl::IsAlreadyExists(refused)) << refused;
  EXPECT_EQ(Message(refused), copy + " exists and was left as it is: name a new file");
  EXPECT_EQ(std::filesystem::file_size(copy), 8u);
}

TEST_F(Care, BackupsWhileTheWriterWritesAreOneMomentEach) {
  std::atomic<bool> stop = false;
  std::jthread writing([&] {
    for (uint64_t next = 2001; !stop; next += 10)
      if (!writer_->Append({}, Batch(next, 10)).ok()) break;
  });
  for (int i = 0; i < 5; ++i) {
    const std::string copy = folder_.File(fmt::format("copy{}.db", i));
    const Status copied = BackUp(path_, copy);
    EXPECT_TRUE(copied.ok()) << copied;
    EXPECT_THAT(CheckDatabase(copy)->problems, IsEmpty());
  }
  stop = true;
}

TEST_F(Care, AVacuumGivesRoomBackAndLosesNothing) {
  const auto before = std::filesystem::file_size(path_);
  ASSERT_TRUE(writer_->Maintain(ReportOf("web01", 2000).received + std::chrono::hours(100)).ok());
  const Status done = writer_->Vacuum();
  ASSERT_TRUE(done.ok()) << done;
  EXPECT_LT(std::filesystem::file_size(path_), before * 3 / 4);
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_EQ((*writer_->Append({}, Batch(2000, 2))).stored, 1u);
}

}  // namespace
}  // namespace fleetsync::db
