#include "controller/status/stored_fleet.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/report_builder.h"

namespace fleetsync::status {
namespace {

using namespace std::chrono_literals;

inventory::Host HostNamed(const std::string& name) {
  inventory::Host host;
  host.name = name;
  host.groups = {"web"};
  host.time.tolerance = 25ms;
  return host;
}

db::HostRecord RecordOf(const std::string& name, uint64_t sequence) {
  db::HostRecord record;
  record.host = name;
  record.has_report = true;
  record.report = db::ReportOf(name, sequence);
  return record;
}

TEST(StoredFleet, TheInventorySaysWhoIsExpectedAndTheStoreWhatIsKnown) {
  const inventory::Host web01 = HostNamed("web01"), web02 = HostNamed("web02"),
                        web03 = HostNamed("web03");
  const std::vector<const inventory::Host*> hosts = {&web01, &web02, &web03};
  db::HostRecord connected_only;
  connected_only.host = "web02";
  const std::vector<db::HostRecord> records = {RecordOf("gone", 1), RecordOf("web01", 4),
                                               connected_only};

  const std::vector<HostInput> inputs = StoredFleet(hosts, records);
  ASSERT_EQ(inputs.size(), 3u);
  EXPECT_EQ(inputs[0].host, "web01");
  EXPECT_EQ(inputs[0].tolerance, 25ms);
  EXPECT_THAT(inputs[0].groups, testing::ElementsAre("web"));
  const Reading& reading = *inputs[0].reading;
  EXPECT_EQ(reading.at, db::ReportOf("web01", 4).received)
      << "the controller's clock, not the host's";
  EXPECT_EQ(reading.offset, 4us);
  EXPECT_EQ(reading.error_bound, 504us);
  EXPECT_EQ(reading.stratum, 3);
  EXPECT_EQ(reading.leap, 0);
  EXPECT_EQ(reading.reach, 0377);
  EXPECT_EQ(reading.source, "ntp1.example");
  EXPECT_DOUBLE_EQ(reading.frequency->value, -1.238);
  EXPECT_FALSE(inputs[1].reading);
  EXPECT_FALSE(inputs[2].reading);
}

TEST(StoredFleet, AStratumThatWasNotToldIsNotInvented) {
  const inventory::Host web01 = HostNamed("web01");
  const std::vector<const inventory::Host*> hosts = {&web01};
  std::vector<db::HostRecord> records = {RecordOf("web01", 4)};
  records[0].report.stratum = db::kStratumNotTold;
  const std::vector<HostInput> inputs = StoredFleet(hosts, records);
  EXPECT_FALSE(inputs[0].reading->stratum_known);
}

TEST(StoredFleet, AReachThatADaemonDoesNotKeepIsNotInvented) {
  const inventory::Host web01 = HostNamed("web01");
  const std::vector<const inventory::Host*> hosts = {&web01};
  const auto reach = [&](const std::string& daemon, uint8_t stored) {
    std::vector<db::HostRecord> records = {RecordOf("web01", 4)};
    records[0].report.daemon = daemon;
    records[0].report.sources.at(0).reach = stored;
    return StoredFleet(hosts, records)[0].reading->reach;
  };
  EXPECT_EQ(reach("timesyncd", 0), std::nullopt);
  EXPECT_EQ(reach("openntpd", 0), std::nullopt);
  EXPECT_EQ(reach("chrony", 0), 0) << "its source does not answer";
  EXPECT_EQ(reach("chrony", 0377), 0377);
}

TEST(StoredFleet, AMeasurementFromBeforeAStepSaysNothing) {
  const inventory::Host web01 = HostNamed("web01");
  const std::vector<const inventory::Host*> hosts = {&web01};
  std::vector<db::HostRecord> records = {RecordOf("web01", 4)};
  const SystemTime at = records[0].report.received - 10s;
  records[0].measurement = {.host = "web01", .at = at, .offset = 42s, .error_bound = 1ms};
  EXPECT_EQ(StoredFleet(hosts, records)[0].reading->measured, 42s);
  db::Event step;
  step.kind = static_cast<uint8_t>(EventKind::kStepped);
  step.at = at - 1s;
  records[0].events = {step};
  EXPECT_EQ(StoredFleet(hosts, records)[0].reading->measured, 42s) << "measured since";
  records[0].events[0].at = at + 1s;
  EXPECT_FALSE(StoredFleet(hosts, records)[0].reading->measured);
}

TEST(StoredFleet, WithoutASelectedSourceNoneIsNamed) {
  const inventory::Host web01 = HostNamed("web01");
  const std::vector<const inventory::Host*> hosts = {&web01};
  std::vector<db::HostRecord> records = {RecordOf("web01", 4)};
  records[0].report.sources[0].state = 4;
  const Reading reading = *StoredFleet(hosts, records).at(0).reading;
  EXPECT_EQ(reading.source, "");
  EXPECT_EQ(reading.reach, 0);
}

}  // namespace
}  // namespace fleetsync::status
