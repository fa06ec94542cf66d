#include "agent/report/report.h"

#include "agent/net/address_text.h"
#include "agent/report/spool_writer.h"
#include "agent/report/text_dictionary.h"
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

const ReportContext kContext{.daemon = "agent", .boot_id = "b00t"};

std::string Told(const v1::Report& report, uint32_t id) {
  for (const v1::Text& text : report.texts())
    if (text.id() == id) return text.text();
  return "";
}

TEST(Report, SaysWhatTheSnapshotSays) {
  const v1::Report r = ToReport(Synchronised(), kContext);
  EXPECT_EQ(Told(r, r.daemon()), "agent");
  EXPECT_EQ(Told(r, r.boot_id()), "b00t");
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
  EXPECT_EQ(Told(r, r.sources(0).address()), "192.0.2.1");
  EXPECT_EQ(r.sources(0).state(), v1::SOURCE_STATE_SELECTED);
  EXPECT_EQ(r.sources(0).reach(), 255u);
  EXPECT_EQ(r.sources(0).reference_id(), 0xc0000202);
  EXPECT_EQ(r.sources(0).last_sample_age_ms(), 5'000u);
  EXPECT_EQ(Told(r, r.sources(1).name()), "ntp2");
  EXPECT_EQ(r.sources(1).address(), 0u);
  EXPECT_EQ(r.sources(1).state(), v1::SOURCE_STATE_UNREACHABLE);
}

TEST(Report, TellsTheEventsSinceTheOneBefore) {
  v1::Event stepped;
  stepped.set_kind(v1::EVENT_KIND_STEPPED_BY_OTHER);
  stepped.set_amount_ns(-5);
  const v1::Report r = ToReport(Synchronised(), kContext, {stepped});
  ASSERT_EQ(r.events_size(), 1);
  EXPECT_EQ(r.events(0).kind(), v1::EVENT_KIND_STEPPED_BY_OTHER);
  EXPECT_EQ(r.events(0).amount_ns(), -5);
  EXPECT_EQ(ToReport(Synchronised(), kContext).events_size(), 0);
}

TEST(Report, AnOutlierIsNoCandidate) {
  ntp::Snapshot s = Synchronised();
  s.sources[1].state = ntp::SourceState::kOutlier;
  EXPECT_EQ(ToReport(s, kContext).sources(1).state(), v1::SOURCE_STATE_OUTLIER);
}

TEST(Report, OfAnUnsynchronisedHostClaimsNothing) {
  ntp::Snapshot s;
  s.offset = seconds(1);
  const v1::Report r = ToReport(s, kContext);
  EXPECT_EQ(r.stratum(), 16u);
  EXPECT_EQ(r.leap(), v1::LEAP_UNSYNCHRONISED);
  EXPECT_EQ(r.offset_ns(), 0);
  EXPECT_EQ(r.error_bound_ns(), 0u);
}

TEST(Report, ComesBackFromTheSpoolWithItsNumber) {
  const auto r = ParseReport(ToReport(Synchronised(), kContext).SerializeAsString(), 42);
  ASSERT_TRUE(r.ok());
  EXPECT_EQ(r->sequence(), 42u);
  EXPECT_EQ(r->offset_ns(), -30'000'000);
  EXPECT_EQ(ParseReport("\xff\xff", 1).status().code(), absl::StatusCode::kDataLoss);
}

// The second message of a stream: the texts have been told by the first.
TEST(Report, OfFourSourcesIsCompactOnceTheirNamesAreKnown) {
  ntp::Snapshot s = Synchronised();
  s.sources.resize(1);
  for (const char* name : {"ntp2", "ntp3", "ntp4"}) {
    s.sources.push_back(s.sources[0]);
    s.sources.back().name = name;
  }
  TextDictionary stream;
  v1::StreamRequest message;
  for (uint64_t sequence : {1'000'000, 1'000'001}) {
    *message.mutable_report() = ToReport(s, kContext);
    message.mutable_report()->set_sequence(sequence);
    stream.Shorten(*message.mutable_report());
  }
  EXPECT_LE(message.ByteSizeLong(), 250u);
}

// A week without a controller, a report a minute, four sources.
TEST(Report, AWeekOfThemFitsTheSpool) {
  ntp::Snapshot s = Synchronised();
  s.sources.resize(1);
  for (const char* name : {"ntp2.example.org", "ntp3.example.org", "ntp4.example.org"}) {
    s.sources.push_back(s.sources[0]);
    s.sources.back().name = name;
  }
  const ReportContext context{.daemon = "agent", .boot_id = "0f0e0d0c-0b0a-0908-0706-050403020100"};
  const std::string payload = ToReport(s, context).SerializeAsString();
  EXPECT_LE(EncodeSpoolRecord(1, payload).size() * 7 * 24 * 60, SpoolConfig{}.limit_bytes);
}

TEST(TextDictionary, TellsATextOnceAndNumbersItForTheStream) {
  TextDictionary stream;
  v1::Report first = ToReport(Synchronised(), {.daemon = "ntp", .boot_id = "b1"});
  stream.Shorten(first);
  EXPECT_EQ(first.texts_size(), 5) << "daemon, boot, two names, an address";
  v1::Report second = ToReport(Synchronised(), {.daemon = "agent", .boot_id = "b1"});
  stream.Shorten(second);
  ASSERT_EQ(second.texts_size(), 1);
  EXPECT_EQ(second.texts(0).text(), "agent");
  EXPECT_EQ(second.texts(0).id(), second.daemon());
  EXPECT_EQ(second.boot_id(), first.boot_id());
  EXPECT_EQ(second.sources(0).name(), first.sources(0).name());
  EXPECT_EQ(second.sources(0).address(), first.sources(0).address());
  EXPECT_EQ(second.sources(1).address(), 0u) << "it has none";
}

}  // namespace
}  // namespace fleetsync::report
