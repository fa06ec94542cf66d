#include <memory>

#include "db/reader.h"
#include "db/runs.h"
#include "db/writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/report_builder.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::db {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr SystemTime kDay{1'790'035'200s};  // midnight, UTC

// Made at `at` by a right clock, and received `late` after it.
Report ReportAt(const std::string& host, uint64_t sequence, SystemTime at, Duration late = {}) {
  Report report = ReportOf(host, sequence);
  report.host_time = at - report.offset;
  report.monotonic = at - kDay + 100h;
  report.received = at + late;
  return report;
}

class History : public testing::Test {
 protected:
  void SetUp() override {
    auto writer = Writer::Open(folder_.File("fleet.db"));
    ASSERT_TRUE(writer.ok()) << writer.status();
    writer_ = *std::move(writer);
    auto reader = Reader::Open(folder_.File("fleet.db"));
    ASSERT_TRUE(reader.ok()) << reader.status();
    reader_ = *std::move(reader);
  }
  void Append(const std::vector<Report>& reports) {
    const auto appended = writer_->Append({}, reports);
    ASSERT_TRUE(appended.ok()) << appended.status();
    EXPECT_EQ(appended->duplicates, 0u);
  }
  // Every `interval` from kDay on.
  void AppendDays(int64_t days, Duration interval) {
    std::vector<Report> reports;
    const SystemTime end = kDay + days * 24h;
    for (SystemTime at = kDay; at < end; at += interval)
      reports.push_back(ReportAt("web01", reports.size() + 1, at));
    Append(reports);
    newest_ = reports.back().received;
  }
  size_t Maintain(SystemTime now, const Retention& retention = {}) {
    size_t pruned = 0;
    for (bool more = true; more;) {
      const auto done = writer_->Maintain(now, retention);
      EXPECT_TRUE(done.ok()) << done.status();
      if (!done.ok()) break;
      pruned += done->pruned;
      more = done->more;
    }
    return pruned;
  }
  HostHistory Read(SystemTime since, SystemTime until, size_t points) {
    const std::vector<std::string> hosts = {"web01"};
    const auto history = reader_->History(hosts, since, until, points);
    EXPECT_TRUE(history.ok()) << history.status();
    return history->at(0);
  }
  int64_t Count(const std::string& from) {
    return *writer_->connection().Integer("SELECT count(*) FROM " + from);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Reader> reader_;
  SystemTime newest_;
};

uint64_t ReportsIn(const HostHistory& history) {
  uint64_t count = 0;
  for (const HistoryPoint& point : history.points) count += point.reports;
  return count;
}

TEST_F(History, EveryLevelCountsEveryReportOnceRolledUpOrNot) {
  AppendDays(2, 30s);
  for (const bool rolled_up : {false, true}) {
    SCOPED_TRACE(rolled_up);
    if (rolled_up) Maintain(newest_);
    for (const size_t points : {1, 2, 48, 500, 5000, 100'000})
      EXPECT_EQ(ReportsIn(Read(kDay, kDay + 48h, points)), 2u * 24 * 120) << points;
  }
  EXPECT_EQ(Count("rollups WHERE span_s = 60"), 2 * 24 * 60);
  EXPECT_EQ(Count("rollups WHERE span_s = 3600"), 48);
  EXPECT_EQ(Count("rollups WHERE span_s = 86400"), 2);
}

TEST_F(History, TheLengthOfASpanFollowsFromThePointsThatAreWanted) {
  AppendDays(2, 30s);
  Maintain(newest_);
  const auto span = [&](Duration of, size_t points) {
    return Read(newest_ - of, newest_, points).points.at(1).span;
  };
  EXPECT_EQ(span(10min, 600), 1s);
  EXPECT_EQ(span(1h, 100), 1min);
  EXPECT_EQ(span(24h, 200), 10min);
  EXPECT_EQ(span(24h, 24), 1h);
  EXPECT_EQ(span(48h, 3), 24h);
}

TEST_F(History, APointSaysWhatItsReportsSay) {
  Append({ReportAt("web01", 10, kDay), ReportAt("web01", 30, kDay + 20s),
          ReportAt("web01", 90, kDay + 61s)});
  for (const bool rolled_up : {false, true}) {
    if (rolled_up) Maintain(kDay + 61s);
    const HostHistory history = Read(kDay, kDay + 2min, 2);
    ASSERT_EQ(history.points.size(), 2u);
    const HistoryPoint& first = history.points[0];
    EXPECT_EQ(first.at, kDay);
    EXPECT_EQ(first.span, 1min);
    EXPECT_EQ(first.reports, 2u);
    EXPECT_EQ(first.offset_min, 10us);
    EXPECT_EQ(first.offset_max, 30us);
    EXPECT_EQ(first.offset_mean, 20us);
    EXPECT_EQ(first.error_bound_max, 530us);
    EXPECT_EQ(history.points[1].at, kDay + 1min);
  }
}

TEST_F(History, WhatComesLateIsInTheTimeItSpeaksOf) {
  Append({ReportAt("web01", 1, kDay), ReportAt("web01", 2, kDay + 10h)});
  Maintain(kDay + 10h);
  // Kept by the agent for nine hours; an hour of it has been rolled up without it.
  Report late = ReportAt("web01", 3, kDay + 1h, 9h);
  late.boot_id = "another boot";
  Append({late});
  for (const bool rolled_up : {false, true}) {
    if (rolled_up) Maintain(kDay + 10h);
    const HostHistory history = Read(kDay, kDay + 24h, 24);
    ASSERT_EQ(history.points.size(), 3u);
    EXPECT_EQ(history.points[1].at, kDay + 1h);
    EXPECT_EQ(history.points[1].offset_max, 3us);
    EXPECT_EQ(history.points[2].at, kDay + 10h);
  }
}

TEST_F(History, OldReportsGoAndTheirSummariesStay) {
  AppendDays(20, 600s);
  const auto reports = static_cast<uint64_t>(Count("reports"));
  EXPECT_GT(Maintain(newest_), 0u);
  EXPECT_EQ(Count("reports"), 2 * 24 * 6 + 1);
  EXPECT_EQ(Count("rollups WHERE span_s = 60"), 14 * 24 * 6 + 1);
  EXPECT_EQ(Count("rollups WHERE span_s = 86400"), 20);
  EXPECT_EQ(ReportsIn(Read(kDay, newest_ + 1s, 1'000'000)), reports)
      << "hours where minutes are pruned";
  EXPECT_EQ(Read(kDay, newest_, 1'000'000).points.at(0).span, 1h);
  EXPECT_EQ(Read(newest_ - 1h, newest_, 3600).points.at(0).span, 1s);
  EXPECT_EQ(Maintain(newest_), 0u) << "nothing is left to prune";
}

TEST_F(History, ASilentHostsNewestReportOutlivesTheLog) {
  Append({ReportAt("gone", 1, kDay), ReportAt("web01", 1, kDay)});
  Append({ReportAt("web01", 2, kDay + 500h)});
  Maintain(kDay + 500h);
  EXPECT_EQ(Count("reports"), 1);
  const auto fleet = reader_->Fleet();
  EXPECT_EQ(fleet->at(0).host, "gone");
  EXPECT_EQ(fleet->at(0).report.offset, 1us);
  EXPECT_EQ(fleet->at(0).report.daemon, "chrony");
  EXPECT_EQ(fleet->at(0).report.sources.size(), 2u);
}

TEST_F(History, TextsThatNothingNamesAreForgotten) {
  Report old_boot = ReportAt("web01", 1, kDay);
  old_boot.boot_id = "old boot";
  Append({old_boot});
  Append({ReportAt("web01", 2, kDay + 500h)});
  Maintain(kDay + 500h);
  EXPECT_EQ(Count("texts WHERE text = 'old boot'"), 0);
  // What the writer remembers is not what was there before.
  old_boot.sequence = 3;
  old_boot.received = kDay + 500h;
  Append({old_boot});
  EXPECT_EQ(Count("history WHERE sequence = 3"), 1);
  EXPECT_EQ(Count("pragma_foreign_key_check"), 0);
}

TEST_F(History, RetentionIsTheCallers) {
  AppendDays(1, 60s);
  const Retention retention{.reports = 1h, .minutes = 2h, .hours = 3h, .events = 1h, .runs = 1h};
  ::fleetsync::db::Run run;
  run.id = "r1";
  run.started = kDay;
  run.hosts = {{"a", "b", "c"}};
  ASSERT_TRUE(RecordRun(writer_->connection(), run).ok());
  Maintain(newest_, retention);
  EXPECT_EQ(Count("reports"), 61);
  EXPECT_EQ(Count("rollups WHERE span_s = 60"), 122);
  EXPECT_LE(Count("rollups WHERE span_s = 3600"), 4);
  EXPECT_EQ(Count("runs") + Count("run_hosts"), 0);
}

TEST_F(History, EventsStandWhereTheyHappened) {
  Report report = ReportAt("web01", 1, kDay + 1h);
  report.events = {{.kind = 1, .host_time = report.host_time - 30min, .text = ""},
                   {.kind = 2,
                    .host_time = SystemTime(0s),
                    .amount = -3s,
                    .text = "by the clock before it was set"}};
  Append({report});
  const HostHistory history = Read(kDay, kDay + 2h, 2);
  ASSERT_EQ(history.events.size(), 2u);
  EXPECT_EQ(history.events[0].at, kDay + 30min);
  EXPECT_EQ(history.events[0].host_time, report.host_time - 30min);
  EXPECT_EQ(history.events[1].at, kDay + 1h);
  EXPECT_EQ(history.events[1].amount, -3s);
  EXPECT_EQ(history.events[1].text, "by the clock before it was set");
  EXPECT_EQ(Read(kDay, kDay + 40min, 2).events.size(), 1u);
  Maintain(kDay + 500 * 24h);
  EXPECT_EQ(Count("events"), 0);
}

TEST_F(History, TheFleetHasTheNewestEventsTheMeasurementAndTheLastMinutes) {
  std::vector<Report> reports;
  for (uint64_t i = 1; i <= 40; ++i) {
    reports.push_back(ReportAt("web01", i, kDay + static_cast<int64_t>(i) * 60s));
    reports.back().holdover = i == 40;
    reports.back().events = {
        {.kind = static_cast<uint8_t>(i), .host_time = reports.back().host_time, .text = ""}};
  }
  const std::vector<Measurement> measurements = {
      {.host = "web01", .at = kDay, .offset = 1ms, .error_bound = 2ms},
      {.host = "web01", .at = kDay + 1s, .offset = -4ms, .error_bound = 5ms},
      {.host = "measured only", .at = kDay, .offset = 1ms, .error_bound = 2ms}};
  ASSERT_TRUE(writer_->Append({}, reports, measurements).ok());
  Maintain(reports.back().received);
  const auto fleet = reader_->Fleet();
  ASSERT_EQ(fleet->size(), 2u);
  EXPECT_FALSE(fleet->at(0).has_report);
  EXPECT_TRUE(fleet->at(0).measurement);
  const HostRecord& web01 = fleet->at(1);
  EXPECT_EQ(web01.measurement->offset, -4ms);
  EXPECT_EQ(web01.measurement->error_bound, 5ms);
  EXPECT_EQ(web01.measurement->at, kDay + 1s);
  EXPECT_TRUE(web01.report.holdover);
  ASSERT_EQ(web01.events.size(), 5u);
  EXPECT_EQ(web01.events[0].kind, 40);
  EXPECT_EQ(web01.events[4].kind, 36);
  ASSERT_EQ(web01.recent.size(), 30u);
  EXPECT_EQ(web01.recent[0].offset_mean, 11us);
  EXPECT_EQ(web01.recent[29].at, reports.back().received);
}

TEST_F(History, AnUnknownHostHasNone) {
  const std::vector<std::string> hosts = {"nobody", "web01"};
  Append({ReportAt("web01", 1, kDay)});
  const auto history = reader_->History(hosts, kDay, kDay + 1h, 10);
  EXPECT_EQ(history->at(0).host, "nobody");
  EXPECT_TRUE(history->at(0).points.empty());
  EXPECT_EQ(history->at(1).points.size(), 1u);
}

}  // namespace
}  // namespace fleetsync::db
