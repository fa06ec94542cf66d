#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "agent/report/spool_reader.h"
#include "agent/report/spool_record.h"
#include "agent/report/spool_writer.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::report {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Spool : public ::testing::Test {
 protected:
  Spool() {
    std::string name = ::testing::TempDir() + "spool.XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~Spool() override { std::filesystem::remove_all(folder_); }

  SpoolConfig Config(uint64_t limit = 1 << 20, uint64_t segment = 1 << 16) const {
    return {.folder = folder_ + "/spool", .limit_bytes = limit, .segment_bytes = segment};
  }
  std::unique_ptr<SpoolWriter> Open(const SpoolConfig& config) const {
    auto writer = SpoolWriter::Open(config);
    EXPECT_TRUE(writer.ok()) << writer.status();
    return *std::move(writer);
  }
  std::unique_ptr<SpoolWriter> Open() const { return Open(Config()); }
  std::vector<std::string> Files() const {
    std::vector<std::string> paths;
    const auto segments = *ListSpoolSegments(Config().folder);
    for (const SpoolSegment& s : segments) paths.push_back(s.path);
    return paths;
  }
  // "1:a 2:b" from `first` on.
  std::string Everything(uint64_t first = 1) const {
    SpoolReader reader(Config().folder);
    std::string text;
    const auto records = *reader.Read(first, 100'000);
    for (const SpoolRecord& r : records) {
      text += (text.empty() ? "" : " ") + std::to_string(r.sequence) + ":" + r.payload;
    }
    return text;
  }

  std::string folder_;
};

TEST_F(Spool, SequenceNumbersBeginAtOneAndGoOnAcrossRestarts) {
  EXPECT_EQ(*Open()->Append("a"), 1u);
  EXPECT_EQ(*Open()->Append("b"), 2u);
  EXPECT_EQ(Open()->last(), 2u);
  EXPECT_EQ(Everything(), "1:a 2:b");
}

TEST_F(Spool, NumbersGoOnWhenEverythingWasAcknowledged) {
  {
    auto writer = Open();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(writer->Append("a").ok());
    ASSERT_TRUE(writer->Acknowledge(3).ok());
  }
  for (const std::string& path : Files()) std::filesystem::remove(path);
  EXPECT_EQ(*Open()->Append("b"), 4u);
}

TEST_F(Spool, ANumberThatWasAcknowledgedIsNotGivenAgainAfterTheDiskLostItsReport) {
  {
    auto writer = Open();
    for (const char* payload : {"a", "b", "c"}) ASSERT_TRUE(writer->Append(payload).ok());
    ASSERT_TRUE(writer->Acknowledge(3).ok());
  }
  std::filesystem::resize_file(Files().at(0), kSpoolHeaderSize + 1);
  EXPECT_EQ(*Open()->Append("d"), 4u);
  EXPECT_EQ(Everything(), "1:a 4:d");
}

TEST_F(Spool, AFileCutAtAnyByteGivesEveryCompleteRecordBeforeAndNoGarbage) {
  std::vector<size_t> ends = {0};
  {
    auto writer = Open();
    for (const std::string payload : {"first", "", "third with more", "x"}) {
      ASSERT_TRUE(writer->Append(payload).ok());
      ends.push_back(ends.back() + kSpoolHeaderSize + payload.size());
    }
  }
  const std::string path = Files().at(0);
  const std::string whole = *ReadFile(path, 1 << 20);
  ASSERT_EQ(whole.size(), ends.back());
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, cut);
    const auto complete =
        static_cast<uint64_t>(std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin() - 1);
    SpoolReader reader(Config().folder);
    EXPECT_EQ(reader.Read(1, 100)->size(), complete) << cut;
    EXPECT_EQ(*reader.Last(), complete);
    // And the writer goes on behind them: what it adds is found.
    EXPECT_EQ(*Open()->Append("new"), complete + 1) << cut;
    const auto after = *SpoolReader(Config().folder).Read(1, 100);
    ASSERT_EQ(after.size(), complete + 1);
    EXPECT_EQ(after.back().payload, "new");
  }
}

TEST_F(Spool, ADamagedByteAnywhereIsNeverReadAsAReport) {
  {
    auto writer = Open();
    for (const char* payload : {"first", "second", "third"})
      ASSERT_TRUE(writer->Append(payload).ok());
  }
  const std::string path = Files().at(0);
  const std::string whole = *ReadFile(path, 1 << 20);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      for (const SpoolRecord& r : DecodeSpoolRecords(damaged).records) {
        EXPECT_THAT(r.payload, ::testing::AnyOf("first", "second", "third"));
      }
      EXPECT_LT(DecodeSpoolRecords(damaged).records.size(), 3u);
    }
  }
}

TEST(SpoolRecord, ASequenceThatDoesNotRiseEndsWhatIsBelieved) {
  for (const uint64_t next : {uint64_t{1}, uint64_t{2}}) {
    const std::string bytes = EncodeSpoolRecord(2, "a") + EncodeSpoolRecord(next, "b");
    EXPECT_EQ(DecodeSpoolRecords(bytes).records.size(), 1u);
  }
}

TEST_F(Spool, TheOldestAreDroppedAndCountedWhenItIsFull) {
  auto writer = Open(Config(4096, 1024));
  const std::string payload(100, 'x');
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(writer->Append(payload).ok());
  EXPECT_LE(writer->bytes(), 4096u);
  const auto left = *SpoolReader(Config().folder).Read(1, 1000);
  EXPECT_EQ(left.back().sequence, 200u);
  EXPECT_GT(left.size(), 20u);
  EXPECT_EQ(writer->dropped(), 200 - left.size());
  for (size_t i = 1; i < left.size(); ++i) EXPECT_EQ(left[i].sequence, left[i - 1].sequence + 1);
}

TEST_F(Spool, WhatWasAcknowledgedIsRemovedAndNotCountedAsDropped) {
  auto writer = Open(Config(4096, 1024));
  const std::string payload(100, 'x');
  for (uint64_t i = 1; i <= 200; ++i) {
    ASSERT_TRUE(writer->Append(payload).ok());
    ASSERT_TRUE(writer->Acknowledge(i).ok());
  }
  EXPECT_EQ(writer->dropped(), 0u);
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_EQ(writer->acknowledged(), 200u);
}

TEST_F(Spool, UnacknowledgedReportsAreKeptAcrossARestart) {
  {
    auto writer = Open(Config(1 << 20, 256));
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(writer->Append("report " + std::to_string(i)).ok());
    ASSERT_TRUE(writer->Acknowledge(12).ok());
  }
  auto writer = Open(Config(1 << 20, 256));
  EXPECT_EQ(writer->acknowledged(), 12u);
  const auto left = *SpoolReader(Config().folder).Read(13, 100);
  ASSERT_EQ(left.size(), 8u);
  EXPECT_EQ(left.front().payload, "report 12");
}

TEST_F(Spool, WhenTheControllerKnowsMoreThanWasEverWrittenThePendingReportsAreNumberedBehindIt) {
  auto writer = Open(Config(1 << 20, 128));
  for (const char* payload : {"a", "b", "c", "d", "e", "f"})
    ASSERT_TRUE(writer->Append(payload).ok());
  ASSERT_TRUE(writer->Acknowledge(2).ok());
  ASSERT_TRUE(writer->Acknowledge(1000).ok());
  EXPECT_EQ(writer->last(), 1004u);
  EXPECT_EQ(writer->dropped(), 0u);
  EXPECT_EQ(*writer->Append("g"), 1005u);
  EXPECT_EQ(Everything(), "1001:c 1002:d 1003:e 1004:f 1005:g");
  writer.reset();
  EXPECT_EQ(*Open()->Append("h"), 1006u);
}

TEST_F(Spool, AReaderGoesOnWhereItWasWhileTheWriterWrites) {
  auto writer = Open(Config(1 << 20, 200));
  SpoolReader reader(Config().folder);
  EXPECT_THAT(*reader.Read(1, 10), IsEmpty());
  uint64_t next = 1;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(writer->Append(std::to_string(i)).ok());
    const auto records = *reader.Read(next, 10);
    ASSERT_EQ(records.size(), 1u) << i;
    EXPECT_EQ(records[0].payload, std::to_string(i));
    next = records[0].sequence + 1;
  }
  EXPECT_EQ(reader.Read(50, 3)->front().sequence, 50u);  // and back
}

TEST_F(Spool, ReadingFromBeforeTheOldestBeginsAtTheOldest) {
  auto writer = Open(Config(4096, 1024));
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(writer->Append(std::string(100, 'x')).ok());
  const auto records = *SpoolReader(Config().folder).Read(1, 1);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_GT(records[0].sequence, 100u);
}

TEST_F(Spool, AFullDiskLosesNoOldReportAndWritingGoesOnAfterwards) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append("before").ok());
  rlimit usual{};
  getrlimit(RLIMIT_FSIZE, &usual);
  signal(SIGXFSZ, SIG_IGN);
  // Every place where the disk can become full within a record.
  for (rlim_t room = 0; room < kSpoolHeaderSize + 6; ++room) {
    const rlimit full{kSpoolHeaderSize + 6 + room, usual.rlim_max};
    setrlimit(RLIMIT_FSIZE, &full);
    const auto refused = writer->Append("second");
    setrlimit(RLIMIT_FSIZE, &usual);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(Everything(), "1:before");
  }
  EXPECT_EQ(*writer->Append("after"), 2u);
  EXPECT_EQ(Everything(), "1:before 2:after");
}

TEST_F(Spool, AFolderThatCannotBeMadeIsRefusedWithItsName) {
  SpoolConfig config = Config();
  config.folder = folder_ + "/missing/spool";
  EXPECT_EQ(Message(SpoolWriter::Open(config).status()),
            "making folder " + config.folder + ": No such file or directory");
}

TEST_F(Spool, ForeignFilesInTheFolderAreLeftAlone) {
  ASSERT_TRUE(Open()->Append("a").ok());
  std::ofstream(Config().folder + "/README") << "mine";
  std::ofstream(Config().folder + "/0000000000000000000x.reports") << "mine too";
  EXPECT_EQ(*Open()->Append("b"), 2u);
  EXPECT_EQ(Everything(), "1:a 2:b");
}

}  // namespace
}  // namespace fleetsync::report
