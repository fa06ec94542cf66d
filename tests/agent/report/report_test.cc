#include "agent/report/report.h"

#include "agent/net/address_text.h"
#include "gtest/gtest.h"

namespace fleetsync::report {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

ntp::Snapshot Synchronised() {
  ntp::Snapshot s;
  s.at = {MonoTime(seconds(100)), SystemTime(seconds(1'800'000'000))};
  s.synchronised = true;
  s.offset = -milliseconds(30);
  s.error_bound = microseconds(250);
  s.stratum = 3;
  s.leap = ntp::Leap::kInsert;
  s.root_delay = microseconds(300);
  s.root_dispersion = microseconds(100);
  s.jitter = microseconds(7);
  s.frequency = {-12.5};
  s.sources.push_back({.name = "ntp1",
                       .address = net::ParseNumericAddress("192.0.2.1", 123),
                       .state = ntp::SourceState::kSelected,
                       .stratum = 2,
                       .reach = 0377,
                       .poll = 6,
                       .reference_id = 0xc0000202,
                       .offset = -milliseconds(30),
                       .delay = microseconds(200),
                       .jitter = microseconds(7),
                       .sample_age = seconds(5)});
  s.sources.push_back({.name = "ntp2"});
  return s;
}

TEST(Report, SaysWhatTheSnapshotSays) {
  const v1::Report r = ToReport(Synchronised());
  EXPECT_EQ(r.host_time_us(), 1'800'000'000'000'000u);
  EXPECT_EQ(r.monotonic_us(), 100'000'000u);
  EXPECT_EQ(r.offset_ns(), -30'000'000);
  EXPECT_EQ(r.error_bound_ns(), 250'000u);
  EXPECT_EQ(r.stratum(), 3u);
  EXPECT_EQ(r.leap(), v1::LEAP_INSERT);
  EXPECT_EQ(r.root_delay_ns(), 300'000u);
  EXPECT_EQ(r.jitter_ns(), 7'000u);
  EXPECT_EQ(r.frequency_ppb(), -12'500);
  ASSERT_EQ(r.sources_size(), 2);
  EXPECT_EQ(r.sources(0).address(), "192.0.2.1");
  EXPECT_EQ(r.sources(0).state(), v1::SOURCE_STATE_SELECTED);
  EXPECT_EQ(r.sources(0).reach(), 255u);
  EXPECT_EQ(r.sources(0).reference_id(), "192.0.2.2");
  EXPECT_EQ(r.sources(0).last_sample_age_us(), 5'000'000u);
  EXPECT_EQ(r.sources(1).name(), "ntp2");
  EXPECT_EQ(r.sources(1).address(), "");
  EXPECT_EQ(r.sources(1).state(), v1::SOURCE_STATE_UNREACHABLE);
}

TEST(Report, OfAnUnsynchronisedHostClaimsNothing) {
  ntp::Snapshot s;
  s.offset = seconds(1);
  const v1::Report r = ToReport(s);
  EXPECT_EQ(r.stratum(), 16u);
  EXPECT_EQ(r.leap(), v1::LEAP_UNSYNCHRONISED);
  EXPECT_EQ(r.offset_ns(), 0);
  EXPECT_EQ(r.error_bound_ns(), 0u);
}

TEST(Report, ComesBackFromTheSpoolWithItsNumber) {
  const auto r = ParseReport(ToReport(Synchronised()).SerializeAsString(), 42);
  ASSERT_TRUE(r.ok());
  EXPECT_EQ(r->sequence(), 42u);
  EXPECT_EQ(r->offset_ns(), -30'000'000);
  EXPECT_EQ(ParseReport("\xff\xff", 1).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Report, OfFourSourcesIsCompact) {
  ntp::Snapshot s = Synchronised();
  s.sources.resize(1);
  for (int i = 0; i < 3; ++i) s.sources.push_back(s.sources[0]);
  EXPECT_LE(ToReport(s).ByteSizeLong(), 350u);
}

}  // namespace
}  // namespace fleetsync::report
