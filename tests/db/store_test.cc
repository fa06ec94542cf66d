#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

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

std::unique_ptr<Writer> OpenWriter(const std::string& path) {
  StatusOr<std::unique_ptr<Writer>> writer = Writer::Open(path);
  EXPECT_TRUE(writer.ok()) << writer.status();
  return writer.ok() ? *std::move(writer) : nullptr;
}

std::unique_ptr<Reader> OpenReader(const std::string& path) {
  StatusOr<std::unique_ptr<Reader>> reader = Reader::Open(path);
  EXPECT_TRUE(reader.ok()) << reader.status();
  return reader.ok() ? *std::move(reader) : nullptr;
}

Appended Append(Writer& writer, const std::vector<Report>& reports) {
  StatusOr<Appended> appended = writer.Append({}, reports);
  EXPECT_TRUE(appended.ok()) << appended.status();
  return appended.ok() ? *appended : Appended{};
}

std::vector<uint64_t> Sequences(Reader& reader, const std::string& host) {
  std::vector<uint64_t> sequences;
  const StatusOr<std::vector<Report>> reports = reader.Reports(host, 0, 1'000'000);
  EXPECT_TRUE(reports.ok()) << reports.status();
  for (const Report& report : *reports) sequences.push_back(report.sequence);
  return sequences;
}

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST(Store, WhatGoesInComesOut) {
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  const Report in = ReportOf("web01", 7);
  Append(*writer, {in});

  const auto reader = OpenReader(folder.File("fleet.db"));
  const StatusOr<std::vector<HostRecord>> fleet = reader->Fleet();
  ASSERT_TRUE(fleet.ok()) << fleet.status();
  ASSERT_EQ(fleet->size(), 1u);
  EXPECT_EQ(fleet->front().host, "web01");
  EXPECT_EQ(fleet->front().stored_through, 7u);
  EXPECT_TRUE(fleet->front().has_report);
  const Report& out = fleet->front().report;
  EXPECT_EQ(out.sequence, in.sequence);
  EXPECT_EQ(out.boot_id, in.boot_id);
  EXPECT_EQ(out.host_time, in.host_time);
  EXPECT_EQ(out.monotonic, in.monotonic);
  EXPECT_EQ(out.received, in.received);
  EXPECT_EQ(out.offset, in.offset);
  EXPECT_EQ(out.error_bound, in.error_bound);
  EXPECT_EQ(out.stratum, in.stratum);
  EXPECT_EQ(out.leap, in.leap);
  EXPECT_EQ(out.frequency_ppb, in.frequency_ppb);
  EXPECT_EQ(out.root_delay, in.root_delay);
  EXPECT_EQ(out.root_dispersion, in.root_dispersion);
  EXPECT_EQ(out.jitter, in.jitter);
  EXPECT_EQ(out.daemon, in.daemon);
  ASSERT_EQ(out.sources.size(), 2u);
  const Source &first = out.sources[0], &second = out.sources[1];
  EXPECT_EQ(first.name, "ntp1.example");
  EXPECT_EQ(first.state, kSelected);
  EXPECT_EQ(second.address, "198.18.0.2");
  EXPECT_EQ(second.reach, 0177);
  EXPECT_EQ(second.poll, 6);
  EXPECT_EQ(second.offset, in.sources[1].offset);
  EXPECT_EQ(second.delay, in.sources[1].delay);
  EXPECT_EQ(second.jitter, in.sources[1].jitter);
  EXPECT_EQ(second.last_sample_age, in.sources[1].last_sample_age);
  EXPECT_EQ(second.reference_id, "C6120002");
}

TEST(Store, AHostWhoseStratumIsNotToldIsSynchronised) {
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  Report in = ReportOf("web01", 7);
  in.stratum = kStratumNotTold;
  Append(*writer, {in});
  const auto reader = OpenReader(folder.File("fleet.db"));
  const HostRecord host = reader->Fleet()->at(0);
  EXPECT_EQ(host.report.stratum, kStratumNotTold);
  EXPECT_TRUE(Synchronised(host.report));
  const std::vector<std::string> hosts = {"web01"};
  const auto history = reader->History(hosts, in.received - std::chrono::hours(1),
                                       in.received + std::chrono::hours(1), 10);
  ASSERT_EQ(history->at(0).points.size(), 1u);
  EXPECT_EQ(history->at(0).points[0].synchronised, 1u);
}

TEST(Store, AReportIsStoredOnceHoweverOftenItArrives) {
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  Append(*writer, {ReportOf("web01", 1), ReportOf("web01", 2)});

  const Appended again =
      Append(*writer, {ReportOf("web01", 1), ReportOf("web01", 2), ReportOf("web01", 3),
                       ReportOf("web01", 3), ReportOf("web02", 1)});
  EXPECT_EQ(again.stored, 2u);
  EXPECT_EQ(again.duplicates, 3u);
  const auto reader = OpenReader(folder.File("fleet.db"));
  EXPECT_THAT(Sequences(*reader, "web01"), ElementsAre(1, 2, 3));
  EXPECT_THAT(Sequences(*reader, "web02"), ElementsAre(1));
}

// Agents send in order, and what was acknowledged may be pruned by now: it must not come back.
TEST(Store, WhatIsNotBeyondTheEndOfItsNumberingIsADuplicate) {
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  Append(*writer, {ReportOf("web01", 5), ReportOf("web01", 9), ReportOf("web01", 6)});
  EXPECT_EQ(Append(*writer, {ReportOf("web01", 8)}).duplicates, 1u);

  const auto reader = OpenReader(folder.File("fleet.db"));
  EXPECT_THAT(Sequences(*reader, "web01"), ElementsAre(5, 9));
  const HostRecord record = reader->Fleet()->at(0);
  EXPECT_EQ(record.report.sequence, 9u);
  EXPECT_EQ(record.report.sources.at(0).offset, std::chrono::microseconds(9));
}

TEST(Store, AnArrivalLearnsWhatIsStoredItsOwnBatchIncluded) {
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  Append(*writer, {ReportOf("web01", 41)});
  const std::vector<Arrival> arrivals = {{.host = "web01", .agent_version = "0.1.0", .at = {}},
                                         {.host = "web02", .agent_version = "0.1.0", .at = {}}};
  const std::vector<Report> reports = {ReportOf("web01", 42)};

  const StatusOr<Appended> appended = writer->Append(arrivals, reports);
  ASSERT_TRUE(appended.ok()) << appended.status();
  EXPECT_THAT(appended->stored_through, ElementsAre(42, 0));
}

TEST(Store, AHostThatNeverReportedIsThereWithoutAReport) {
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  const std::vector<Arrival> arrivals = {
      {.host = "web01", .agent_version = "0.1.0", .at = SystemTime(std::chrono::seconds(1000))}};
  ASSERT_TRUE(writer->Append(arrivals, {}).ok());

  const HostRecord record = OpenReader(folder.File("fleet.db"))->Fleet()->at(0);
  EXPECT_FALSE(record.has_report);
  EXPECT_EQ(record.agent_version, "0.1.0");
  EXPECT_EQ(record.last_seen, SystemTime(std::chrono::seconds(1000)));
}

TEST(Store, WhatWasStoredIsThereAfterReopening) {
  const TemporaryFolder folder;
  Append(*OpenWriter(folder.File("fleet.db")), {ReportOf("web01", 1)});
  const auto writer = OpenWriter(folder.File("fleet.db"));
  EXPECT_EQ(Append(*writer, {ReportOf("web01", 1), ReportOf("web01", 2)}).duplicates, 1u);
  EXPECT_THAT(Sequences(*OpenReader(folder.File("fleet.db")), "web01"), ElementsAre(1, 2));
}

TEST(Store, ReadersSeeEachCommitWhileTheWriterIsOpen) {
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  const auto reader = OpenReader(folder.File("fleet.db"));
  EXPECT_THAT(Sequences(*reader, "web01"), ElementsAre());
  Append(*writer, {ReportOf("web01", 1)});
  EXPECT_THAT(Sequences(*reader, "web01"), ElementsAre(1));
}

TEST(Store, AReaderThatStandsStillDoesNotStopTheWriter) {
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  StatusOr<Connection> other =
      Connection::Open(folder.File("fleet.db"), Connection::Mode::kReadOnly);
  ASSERT_TRUE(other.ok()) << other.status();
  ASSERT_TRUE(other->Execute("BEGIN").ok());
  ASSERT_EQ(*other->Integer("SELECT count(*) FROM reports"), 0);
  Append(*writer, {ReportOf("web01", 1)});
  EXPECT_EQ(*other->Integer("SELECT count(*) FROM reports"), 0) << "one snapshot a transaction";
}

TEST(Store, PagesOfReportsFollowEachOther) {
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  std::vector<Report> reports;
  for (uint64_t sequence = 1; sequence <= 5; ++sequence)
    reports.push_back(ReportOf("web01", sequence));
  Append(*writer, reports);
  const StatusOr<std::vector<Report>> page =
      OpenReader(folder.File("fleet.db"))->Reports("web01", 2, 2);
  ASSERT_EQ(page->size(), 2u);
  EXPECT_EQ(page->at(0).sequence, 3u);
  EXPECT_EQ(page->at(1).sequence, 4u);
  EXPECT_EQ(Selected(page->at(0))->name, "ntp1.example");
  EXPECT_EQ(Selected(page->at(0))->reach, 0377);
}

TEST(Store, FolderAndFileAreTheOwnersAlone) {
  const TemporaryFolder folder;
  const std::string path = folder.File("a/b/fleet.db");
  const auto writer = OpenWriter(path);
  Append(*writer, {ReportOf("web01", 1)});
  EXPECT_EQ(ModeOf(folder.File("a/b")), 0700u);
  for (const std::string suffix : {"", "-wal", "-shm", ".lock"})
    EXPECT_EQ(ModeOf(path + suffix), 0600u) << suffix;
}

TEST(Store, AcknowledgedMeansSyncedToDisk) {
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  EXPECT_EQ(*writer->connection().Integer("PRAGMA synchronous"), 2) << "2 is FULL";
  StatusOr<Statement> mode = writer->connection().Prepare("PRAGMA journal_mode");
  ASSERT_TRUE(mode->Step().ok());
  EXPECT_EQ(mode->Text(0), "wal");
}

TEST(Store, TextFromHostsIsStoredAsItIs) {
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  Report report = ReportOf("web01", 1);
  report.daemon = "'); DROP TABLE reports; --";
  report.sources[0].name = std::string("a\0b", 3);
  Append(*writer, {report});
  const HostRecord record = OpenReader(folder.File("fleet.db"))->Fleet()->at(0);
  EXPECT_EQ(record.report.daemon, "'); DROP TABLE reports; --");
  EXPECT_EQ(record.report.sources[0].name, std::string("a\0b", 3));
}

std::string Output(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::array<char, 4096> text{};
  const size_t n = fread(text.data(), 1, text.size(), pipe.get());
  return {text.data(), n};
}

TEST(Store, PeopleReadItWithSqlite3WhileTheWriterRuns) {
  if (access("/usr/bin/sqlite3", X_OK) != 0) GTEST_SKIP() << "sqlite3 is not installed";
  const TemporaryFolder folder;
  const auto writer = OpenWriter(folder.File("fleet.db"));
  Append(*writer, {ReportOf("web01", 1), ReportOf("web01", 2)});
  EXPECT_EQ(
      Output(fmt::format("sqlite3 -readonly {} 'SELECT * FROM fleet'", folder.File("fleet.db"))),
      "web01|2|2026-09-21T14:13:40Z|0.002|0.502|3|0|377|ntp1.example|-1.236|chrony|0||\n");
  EXPECT_EQ(Output(fmt::format("sqlite3 -readonly {} 'SELECT count(*) FROM history'",
                               folder.File("fleet.db"))),
            "2\n");
}

}  // namespace
}  // namespace fleetsync::db
