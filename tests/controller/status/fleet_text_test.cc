#include "controller/status/fleet_text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/controller/status/fleet_builder.h"

namespace fleetsync::status {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

std::vector<HostInput> Fleet() {
  HostInput lost = HostAt("web03", 2ms, 1ms, 3min);
  lost.reading->reach = 0017;
  HostInput adrift = HostAt("web04", 0ms, 16s);
  adrift.reading->stratum = 16;
  adrift.reading->source = "";
  adrift.reading->reach = 0;
  adrift.reading->frequency = std::nullopt;
  return {HostAt("web01", 1200us, 900us),
          HostAt("web02", -130ms, 1ms),
          lost,
          adrift,
          SilentHost("web05"),
          UnreachableHost("db01", "connect: timed out after 10 s"),
          UnreachableHost("db02", "connect: timed out after 10 s"),
          HostAt("web06", -300us, 1ms)};
}

TEST(FleetText, TheWholePageForAPipe) {
  EXPECT_EQ(FormatFleet(BuildFleetView(Fleet(), kNow, {}), false),
            R"(2 of 8 hosts within 10.0 ms; any two synced hosts agree within 3.40 ms
8 expected, 4 reporting, 2 synced, 1 off, 1 unsynchronised, 1 stale, 2 unreachable, 1 silent
|offset| p50 1.20 ms, p95 130 ms, max 130 ms; bound p50 1.00 ms, p95 1.00 ms, max 1.00 ms

HOST   STATE             OFFSET   ±BOUND  STRATUM  REACH         SOURCE        FREQ ppm   LAST
web02  off              -130 ms  1.00 ms        3  377 ■■■■■■■■  ntp1.example    -1.234    5 s
web04  unsynchronised     +0 ns   16.0 s        -  000 ········  -                    -    5 s
web03  stale           +2.00 ms  1.00 ms        3  017 ····■■■■  ntp1.example    -1.234  3 min
db01   unreachable
db02   unreachable
web05  silent
web01  synced          +1.20 ms   900 us        3  377 ■■■■■■■■  ntp1.example    -1.234    5 s
web06  synced           -300 us  1.00 ms        3  377 ■■■■■■■■  ntp1.example    -1.234    5 s

db[01-02]: connect: timed out after 10 s
)");
}

TEST(FleetText, OnlySyncedIsGreenAndStaleNumbersAreDim) {
  const std::string text = FormatFleet(BuildFleetView(Fleet(), kNow, {}), true);
  EXPECT_THAT(text, HasSubstr("\x1b[32msynced\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[1;31moff\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[93mstale\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[93msilent\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[2m+2.00 ms\x1b[0m"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[32mstale")));
}

TEST(FleetText, NothingKnownIsSaidWithoutNumbers) {
  const std::vector<HostInput> hosts = {SilentHost("web01")};
  EXPECT_EQ(FormatFleet(BuildFleetView(hosts, kNow, {}), false),
            "0 of 1 hosts within 10.0 ms\n"
            "1 expected, 0 reporting, 1 silent\n"
            "\n"
            "HOST   STATE   OFFSET  ±BOUND  STRATUM  REACH  SOURCE  FREQ ppm  LAST\n"
            "web01  silent\n");
}

TEST(FleetText, DifferentTolerancesAreNotNamedInTheHeadline) {
  std::vector<HostInput> hosts = {HostAt("a", 1ms, 500us), HostAt("b", 1ms, 500us)};
  hosts[1].tolerance = 20ms;
  EXPECT_EQ(Headline(BuildFleetView(hosts, kNow, {}).summary),
            "2 of 2 hosts within their tolerance; any two synced hosts agree within 1.00 ms");
}

TEST(FleetText, AHostCannotSteerTheTerminal) {
  HostInput host = HostAt("web01", 1ms, 1ms);
  host.reading->source = "\x1b[2Jntp";
  const std::vector<HostInput> hosts = {host, UnreachableHost("b", "\x1b]0;x\a")};
  const std::string text = FormatFleet(BuildFleetView(hosts, kNow, {}), false);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("\\x1b[2Jntp"));
}

TEST(FleetJson, TheWholeDocument) {
  const std::vector<HostInput> hosts = {HostAt("web01", 1200us, 900us),
                                        UnreachableHost("db01", "connect: refused")};
  const auto actual = nlohmann::json::parse(FleetJson(BuildFleetView(hosts, kNow, {})));
  const auto expected = nlohmann::json::parse(R"({
    "version": 1,
    "at": "2026-09-21T14:13:20Z",
    "summary": {
      "headline": "1 of 2 hosts within 10.0 ms",
      "expected": 2, "reporting": 1, "synced": 1, "off": 0, "unsynchronised": 0, "stale": 0,
      "unreachable": 1, "silent": 0,
      "agreement_ns": null,
      "offset_ns": {"p50": 1200000, "p95": 1200000, "max": 1200000},
      "error_bound_ns": {"p50": 900000, "p95": 900000, "max": 900000}
    },
    "hosts": [
      {"host": "db01", "groups": [], "state": "unreachable", "tolerance_ns": 10000000,
       "reading": null, "failure": "connect: refused"},
      {"host": "web01", "groups": ["web"], "state": "synced", "tolerance_ns": 10000000,
       "reading": {"at": "2026-09-21T14:13:15Z", "age_ms": 5000, "offset_ns": 1200000,
                   "error_bound_ns": 900000, "stratum": 3, "leap": 0, "reach": 255,
                   "source": "ntp1.example", "frequency_ppb": -1234, "daemon": "chrony"},
       "failure": null}
    ]
  })");
  EXPECT_EQ(actual, expected) << actual.dump(2);
}

TEST(FleetJson, BytesThatAreNoTextDoNotBreakTheDocument) {
  HostInput host = HostAt("web01", 1ms, 1ms);
  host.reading->source = "ntp\xff";
  const std::vector<HostInput> hosts = {host};
  const auto json = nlohmann::json::parse(FleetJson(BuildFleetView(hosts, kNow, {})));
  EXPECT_EQ(json["hosts"][0]["reading"]["source"], "ntp\xef\xbf\xbd");
}

}  // namespace
}  // namespace fleetsync::status
