#include "controller/serve/fleet_reading.h"

#include "controller/serve/fleet_message.h"
#include "gtest/gtest.h"
#include "tests/db/report_builder.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;

constexpr SystemTime kNow{1'790'000'000s};

db::HostRecord Record() {
  db::HostRecord record;
  record.host = "web01";
  record.agent_version = "0.1.0";
  record.first_seen = kNow - 24h;
  record.last_seen = kNow;
  record.stored_through = 4;
  record.has_report = true;
  record.report = db::ReportOf("web01", 4);
  record.report.at = kNow - 5s;
  record.measurement = {.host = "web01", .at = kNow - 1s, .offset = 7us, .error_bound = 70us};
  record.events = {{.kind = 2, .host_time = kNow - 3s, .amount = -42s, .text = "x", .at = kNow}};
  db::HistoryPoint point;
  point.at = kNow - 1min;
  point.offset_mean = -9us;
  point.error_bound_max = 90us;
  record.recent = {point};
  return record;
}

TEST(FleetReading, AHostComesBackAsItWasTold) {
  const db::HostRecord told = Record();
  ServedFleet fleet;
  fleet.hosts.push_back({.name = "web01"});
  const v1::GetFleetResponse message = FleetMessage(fleet, {told}, {"web01"}, kNow);
  ASSERT_EQ(message.hosts_size(), 1);
  const db::HostRecord read = RecordOf(message.hosts(0));
  EXPECT_EQ(read.host, "web01");
  EXPECT_EQ(read.agent_version, "0.1.0");
  EXPECT_EQ(read.first_seen, told.first_seen);
  EXPECT_EQ(read.last_seen, told.last_seen);
  EXPECT_EQ(read.stored_through, 4u);
  ASSERT_TRUE(read.has_report);
  EXPECT_EQ(read.report.offset, told.report.offset);
  EXPECT_EQ(read.report.error_bound, told.report.error_bound);
  EXPECT_EQ(read.report.received, told.report.received);
  EXPECT_EQ(read.report.at, told.report.at);
  EXPECT_EQ(read.report.leap, told.report.leap);
  EXPECT_EQ(read.report.daemon, told.report.daemon);
  ASSERT_EQ(read.report.sources.size(), told.report.sources.size());
  EXPECT_EQ(read.report.sources[0].name, told.report.sources[0].name);
  EXPECT_EQ(read.measurement->offset, 7us);
  EXPECT_EQ(read.measurement->error_bound, 70us);
  EXPECT_EQ(read.events, told.events);
  ASSERT_EQ(read.recent.size(), 1u);
  EXPECT_EQ(read.recent[0].offset_mean, -9us);
}

TEST(FleetReading, AStratumThatWasNotToldStaysSo) {
  db::HostRecord told = Record();
  told.report.stratum = db::kStratumNotTold;
  ServedFleet fleet;
  fleet.hosts.push_back({.name = "web01"});
  const v1::GetFleetResponse message = FleetMessage(fleet, {told}, {}, kNow);
  EXPECT_EQ(RecordOf(message.hosts(0)).report.stratum, db::kStratumNotTold);
}

TEST(FleetReading, AHostThatNeverReportedHasNoReport) {
  v1::FleetHost host;
  host.set_host("web02");
  const db::HostRecord read = RecordOf(host);
  EXPECT_FALSE(read.has_report);
  EXPECT_FALSE(read.measurement);
}

TEST(FleetReading, AHistoryComesBackAsItWasTold) {
  db::HostHistory told;
  told.host = "web01";
  db::HistoryPoint point;
  point.at = kNow;
  point.span = 1min;
  point.reports = 6;
  point.synchronised = 5;
  point.offset_min = -3us;
  point.offset_max = 4us;
  point.offset_p95 = 4us;
  point.frequency_mean_ppb = -12;
  told.points = {point};
  const std::vector<db::HostHistory> read = HistoriesOf(HistoryMessage({told}));
  ASSERT_EQ(read.size(), 1u);
  ASSERT_EQ(read[0].points.size(), 1u);
  EXPECT_EQ(read[0].points[0].at, kNow);
  EXPECT_EQ(read[0].points[0].span, 1min);
  EXPECT_EQ(read[0].points[0].reports, 6u);
  EXPECT_EQ(read[0].points[0].synchronised, 5u);
  EXPECT_EQ(read[0].points[0].offset_min, -3us);
  EXPECT_EQ(read[0].points[0].offset_p95, 4us);
  EXPECT_EQ(read[0].points[0].frequency_mean_ppb, -12);
}

TEST(FleetReading, NumbersBeyondTimeAreBroughtIntoIt) {
  v1::FleetHost host;
  host.set_host("web01");
  host.set_last_seen_us(UINT64_MAX);
  host.mutable_measurement()->set_at_us(UINT64_MAX);
  host.mutable_measurement()->set_error_bound_ns(UINT64_MAX);
  const db::HostRecord read = RecordOf(host);
  EXPECT_GT(read.last_seen, kNow);
  EXPECT_GT(read.measurement->error_bound, Duration::zero());
}

}  // namespace
}  // namespace fleetsync::serve
