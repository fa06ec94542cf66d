#include "controller/status/fleet_json.h"

#include "controller/status/fleet_metrics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/controller/status/fleet_builder.h"

namespace fleetsync::status {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST(FleetJson, TheWholeDocument) {
  std::vector<HostInput> hosts = {HostAt("web01", 1200us, 900us),
                                  UnreachableHost("db01", "connect: refused")};
  hosts[0].events = {
      {.at = kNow - 10min, .kind = EventKind::kStepped, .amount = -250ms, .text = {}}};
  hosts[0].recent = {{.at = kNow - 1min,
                      .span = 1min,
                      .reports = 6,
                      .synchronised = 5,
                      .offset_mean = 1100us,
                      .error_bound_max = 950us}};
  const auto actual = nlohmann::json::parse(FleetJson(BuildFleetView(hosts, kNow, {})));
  const auto expected = nlohmann::json::parse(R"({
    "version": 1,
    "at": "2026-09-21T14:13:20Z",
    "summary": {
      "headline": "1 of 2 hosts within 10.0 ms",
      "expected": 2, "reporting": 1, "within_tolerance": 1, "synced": 1, "converging": 0,
      "free_running": 0, "off": 0, "unsynchronised": 0, "contradicted": 0, "falseticker": 0,
      "stale": 0, "unreachable": 1, "silent": 0, "measurement_doubtful": false,
      "agreement_ns": null,
      "offset_ns": {"p50": 1200000, "p95": 1200000, "p99": 1200000, "max": 1200000},
      "error_bound_ns": {"p50": 900000, "p95": 900000, "p99": 900000, "max": 900000}
    },
    "hosts": [
      {"host": "db01", "groups": [], "state": "unreachable", "marks": [],
       "within_tolerance": false, "tolerance_ns": 10000000, "reading": null,
       "failure": "connect: refused", "events": [], "recent": []},
      {"host": "web01", "groups": ["web"], "state": "synced", "marks": ["stepped"],
       "within_tolerance": true, "tolerance_ns": 10000000,
       "reading": {"at": "2026-09-21T14:13:15Z", "age_ms": 5000, "offset_ns": 1200000,
                   "error_bound_ns": 900000, "stratum": 3, "leap": 0, "reach": 255,
                   "source": "ntp1.example", "frequency_ppb": -1234, "daemon": "chrony", "holdover": false},
       "failure": null,
       "events": [{"at": "2026-09-21T14:03:20Z", "kind": "stepped", "amount_ns": -250000000,
                   "text": "the clock was stepped by -250 ms"}],
       "recent": [{"at": "2026-09-21T14:12:20Z", "reports": 6, "synchronised": 5,
                   "offset_mean_ns": 1100000, "error_bound_max_ns": 950000}]}
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

TEST(FleetJson, AStratumThatWasNotToldIsNowhereANumber) {
  HostInput host = HostAt("web01", 1ms, 1ms);
  host.reading->stratum = 0;
  host.reading->stratum_known = false;
  const FleetView view = BuildFleetView(std::vector{host}, kNow, {});
  const auto json = nlohmann::json::parse(FleetJson(view));
  EXPECT_TRUE(json["hosts"][0]["reading"]["stratum"].is_null());
  EXPECT_EQ(json["hosts"][0]["state"], "synced");
  EXPECT_THAT(FleetCsv(view), HasSubstr(",1000000,1000000,,0,255,ntp1.example,"));
  const std::string metrics = FleetMetrics(view);
  EXPECT_THAT(metrics, Not(HasSubstr("fleetsync_host_stratum{")));
  EXPECT_THAT(metrics, HasSubstr("fleetsync_host_sync_status{host=\"web01\"} 1"));
}

}  // namespace
}  // namespace fleetsync::status
